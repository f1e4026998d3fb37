"""Files and messages; nothing here needs torch."""
