# bc
echo 'scale=20; 2^64; 1/3; sqrt(2); define f(x) { if (x<2) return 1; return x*f(x-1) }; f(25)' | bc
