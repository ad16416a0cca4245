"""Campaigns: long work of many cases, on many processors or machines."""
