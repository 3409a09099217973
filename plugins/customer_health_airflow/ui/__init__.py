"""The Customer Health page: server-rendered, works without JavaScript, reads the ledger only."""
