"""Our own transactions: made, sent, and followed until they are validated or dead."""
