# documents
x=5; cat <<END; cat <<'END'; cat <<-END
$x $((x * 2)) $(echo in) \$x
END
$x `none`
END
		tabs
END
cat <<A - <<B
one
A
two
B
f() { cat <<E
of $1
E
}; f a; f b | tr a-z A-Z; seq 3000 >big; { echo 'cat <<EOF'; cat big; echo EOF; } | sh | md5sum
