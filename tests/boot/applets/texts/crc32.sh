# crc32
crc32 text
