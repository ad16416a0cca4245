# df
df . | wc -l; df -k none; echo $?; df -P . | awk 'NR > 1 { print ($2 >= $3), NF }'
