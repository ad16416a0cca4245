"""Hardware clocks, calibration of the time-stamp counter, and the time of day."""
