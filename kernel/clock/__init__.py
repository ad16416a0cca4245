"""The monotonic clock on the time-stamp counter, and timers."""
