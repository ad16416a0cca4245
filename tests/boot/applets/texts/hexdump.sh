# hexdump xxd
hexdump -C text | head -3; hexdump text | head -2; xxd text | tail -2; xxd -p text | xxd -r -p | cmp - text; echo $?; hexdump -e '4/1 "%02x " "\n"' text | head -2
