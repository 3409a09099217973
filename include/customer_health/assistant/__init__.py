"""What an assistant may ask: answers as plain data, and the MCP server that gives them."""
