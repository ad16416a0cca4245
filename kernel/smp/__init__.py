"""What processors have each other do: calls, and TLB shoot-down."""
