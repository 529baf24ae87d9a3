"""The real fixcore with its database in memory."""
