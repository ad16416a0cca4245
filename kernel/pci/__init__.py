"""PCI: configuration spaces, enumeration of functions, message-signalled interrupts."""
