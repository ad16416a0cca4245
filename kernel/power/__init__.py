"""Power off and reboot."""
