"""Customer-success platforms: Gainsight, Totango, ChurnZero."""
