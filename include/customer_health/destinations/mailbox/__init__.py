"""The owner's mailbox and calendar: drafts and tentative entries; nobody outside is written to."""
