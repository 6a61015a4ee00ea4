"""The market of the other participants."""
