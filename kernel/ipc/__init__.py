"""What programs share by keys and names: System V's IPC, and POSIX message queues."""
