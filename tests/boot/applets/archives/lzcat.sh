# lzcat lzma unlzma unxz xz xzcat
echo /Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AAxABFdADebiI1Grcmr5qLXOt6ztgAAAAAAAFPs1yg94vaJAAEtMkS+e8gftvN9AQAAAAAEWVo= | base64 -d >o.xz
xzcat o.xz; xz -dc o.xz; unxz o.xz; cat o; xz -d text; echo $?
echo XQAAgAD//////////wA3m4iNRq3Jq+ai1zrevYM5///7ZGAA | base64 -d >p.lzma
lzcat p.lzma; unlzma p.lzma; cat p; lzma -d none; ls
