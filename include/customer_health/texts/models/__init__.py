"""Models that are asked about texts and facts: Claude, OpenAI, compatible ones, and any HTTP provider."""
