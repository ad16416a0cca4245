"""Sockets: ends of connections between programs."""
