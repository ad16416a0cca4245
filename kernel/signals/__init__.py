"""What programs are told by signals: records, sending, delivery."""
