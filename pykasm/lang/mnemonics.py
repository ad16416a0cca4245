"""Every mnemonic as a word of the language; made by `scripts/make-mnemonics`.

Names that Python keeps for itself, or that are words of the language, end in an underscore.
"""

from pykasm.lang.instructions import Mnemonic

aaa = Mnemonic("aaa")
aad = Mnemonic("aad")
aadd = Mnemonic("aadd")
aam = Mnemonic("aam")
aand = Mnemonic("aand")
aas = Mnemonic("aas")
adc = Mnemonic("adc")
adcx = Mnemonic("adcx")
add = Mnemonic("add")
addpd = Mnemonic("addpd")
addps = Mnemonic("addps")
addsd = Mnemonic("addsd")
addss = Mnemonic("addss")
addsubpd = Mnemonic("addsubpd")
addsubps = Mnemonic("addsubps")
adox = Mnemonic("adox")
aesdec = Mnemonic("aesdec")
aesdec128kl = Mnemonic("aesdec128kl")
aesdec256kl = Mnemonic("aesdec256kl")
aesdeclast = Mnemonic("aesdeclast")
aesdecwide128kl = Mnemonic("aesdecwide128kl")
aesdecwide256kl = Mnemonic("aesdecwide256kl")
aesenc = Mnemonic("aesenc")
aesenc128kl = Mnemonic("aesenc128kl")
aesenc256kl = Mnemonic("aesenc256kl")
aesenclast = Mnemonic("aesenclast")
aesencwide128kl = Mnemonic("aesencwide128kl")
aesencwide256kl = Mnemonic("aesencwide256kl")
aesimc = Mnemonic("aesimc")
aeskeygenassist = Mnemonic("aeskeygenassist")
and_ = Mnemonic("and")
andn = Mnemonic("andn")
andnpd = Mnemonic("andnpd")
andnps = Mnemonic("andnps")
andpd = Mnemonic("andpd")
andps = Mnemonic("andps")
aor = Mnemonic("aor")
arpl = Mnemonic("arpl")
axor = Mnemonic("axor")
bextr = Mnemonic("bextr")
blcfill = Mnemonic("blcfill")
blci = Mnemonic("blci")
blcic = Mnemonic("blcic")
blcmsk = Mnemonic("blcmsk")
blcs = Mnemonic("blcs")
blendpd = Mnemonic("blendpd")
blendps = Mnemonic("blendps")
blendvpd = Mnemonic("blendvpd")
blendvps = Mnemonic("blendvps")
blsfill = Mnemonic("blsfill")
blsi = Mnemonic("blsi")
blsic = Mnemonic("blsic")
blsmsk = Mnemonic("blsmsk")
blsr = Mnemonic("blsr")
bound = Mnemonic("bound")
bsf = Mnemonic("bsf")
bsr = Mnemonic("bsr")
bswap = Mnemonic("bswap")
bt = Mnemonic("bt")
btc = Mnemonic("btc")
btr = Mnemonic("btr")
bts = Mnemonic("bts")
bzhi = Mnemonic("bzhi")
call = Mnemonic("call")
callq = Mnemonic("callq")
cbw = Mnemonic("cbw")
ccs_encrypt = Mnemonic("ccs_encrypt")
ccs_hash = Mnemonic("ccs_hash")
cdq = Mnemonic("cdq")
cdqe = Mnemonic("cdqe")
clac = Mnemonic("clac")
clc = Mnemonic("clc")
cld = Mnemonic("cld")
cldemote = Mnemonic("cldemote")
clflush = Mnemonic("clflush")
clflushopt = Mnemonic("clflushopt")
clgi = Mnemonic("clgi")
cli = Mnemonic("cli")
clrssbsy = Mnemonic("clrssbsy")
clts = Mnemonic("clts")
clui = Mnemonic("clui")
clwb = Mnemonic("clwb")
clzero = Mnemonic("clzero")
cmc = Mnemonic("cmc")
cmova = Mnemonic("cmova")
cmovae = Mnemonic("cmovae")
cmovb = Mnemonic("cmovb")
cmovbe = Mnemonic("cmovbe")
cmovc = Mnemonic("cmovb")
cmove = Mnemonic("cmove")
cmovg = Mnemonic("cmovg")
cmovge = Mnemonic("cmovge")
cmovl = Mnemonic("cmovl")
cmovle = Mnemonic("cmovle")
cmovna = Mnemonic("cmovbe")
cmovnae = Mnemonic("cmovb")
cmovnb = Mnemonic("cmovae")
cmovnbe = Mnemonic("cmova")
cmovnc = Mnemonic("cmovae")
cmovne = Mnemonic("cmovne")
cmovng = Mnemonic("cmovle")
cmovnge = Mnemonic("cmovl")
cmovnl = Mnemonic("cmovge")
cmovnle = Mnemonic("cmovg")
cmovno = Mnemonic("cmovno")
cmovnp = Mnemonic("cmovnp")
cmovns = Mnemonic("cmovns")
cmovnz = Mnemonic("cmovne")
cmovo = Mnemonic("cmovo")
cmovp = Mnemonic("cmovp")
cmovpe = Mnemonic("cmovp")
cmovpo = Mnemonic("cmovnp")
cmovs = Mnemonic("cmovs")
cmovz = Mnemonic("cmove")
cmp = Mnemonic("cmp")
cmpbexadd = Mnemonic("cmpbexadd")
cmpbxadd = Mnemonic("cmpbxadd")
cmplexadd = Mnemonic("cmplexadd")
cmplxadd = Mnemonic("cmplxadd")
cmpnbexadd = Mnemonic("cmpnbexadd")
cmpnbxadd = Mnemonic("cmpnbxadd")
cmpnlexadd = Mnemonic("cmpnlexadd")
cmpnlxadd = Mnemonic("cmpnlxadd")
cmpnoxadd = Mnemonic("cmpnoxadd")
cmpnpxadd = Mnemonic("cmpnpxadd")
cmpnsxadd = Mnemonic("cmpnsxadd")
cmpnzxadd = Mnemonic("cmpnzxadd")
cmpoxadd = Mnemonic("cmpoxadd")
cmppd = Mnemonic("cmppd")
cmpps = Mnemonic("cmpps")
cmppxadd = Mnemonic("cmppxadd")
cmps = Mnemonic("cmps")
cmpsb = Mnemonic("cmpsb")
cmpsd = Mnemonic("cmpsd")
cmpsq = Mnemonic("cmpsq")
cmpss = Mnemonic("cmpss")
cmpsw = Mnemonic("cmpsw")
cmpsxadd = Mnemonic("cmpsxadd")
cmpxchg = Mnemonic("cmpxchg")
cmpxchg16b = Mnemonic("cmpxchg16b")
cmpxchg8b = Mnemonic("cmpxchg8b")
cmpzxadd = Mnemonic("cmpzxadd")
comisd = Mnemonic("comisd")
comiss = Mnemonic("comiss")
cpuid = Mnemonic("cpuid")
cqo = Mnemonic("cqo")
crc32 = Mnemonic("crc32")
cvtdq2pd = Mnemonic("cvtdq2pd")
cvtdq2ps = Mnemonic("cvtdq2ps")
cvtpd2dq = Mnemonic("cvtpd2dq")
cvtpd2pi = Mnemonic("cvtpd2pi")
cvtpd2ps = Mnemonic("cvtpd2ps")
cvtpi2pd = Mnemonic("cvtpi2pd")
cvtpi2ps = Mnemonic("cvtpi2ps")
cvtps2dq = Mnemonic("cvtps2dq")
cvtps2pd = Mnemonic("cvtps2pd")
cvtps2pi = Mnemonic("cvtps2pi")
cvtsd2si = Mnemonic("cvtsd2si")
cvtsd2ss = Mnemonic("cvtsd2ss")
cvtsi2sd = Mnemonic("cvtsi2sd")
cvtsi2ss = Mnemonic("cvtsi2ss")
cvtss2sd = Mnemonic("cvtss2sd")
cvtss2si = Mnemonic("cvtss2si")
cvttpd2dq = Mnemonic("cvttpd2dq")
cvttpd2pi = Mnemonic("cvttpd2pi")
cvttps2dq = Mnemonic("cvttps2dq")
cvttps2pi = Mnemonic("cvttps2pi")
cvttsd2si = Mnemonic("cvttsd2si")
cvttss2si = Mnemonic("cvttss2si")
cwd = Mnemonic("cwd")
cwde = Mnemonic("cwde")
daa = Mnemonic("daa")
das = Mnemonic("das")
dec = Mnemonic("dec")
div = Mnemonic("div")
divpd = Mnemonic("divpd")
divps = Mnemonic("divps")
divsd = Mnemonic("divsd")
divss = Mnemonic("divss")
dppd = Mnemonic("dppd")
dpps = Mnemonic("dpps")
emms = Mnemonic("emms")
encls = Mnemonic("encls")
enclu = Mnemonic("enclu")
enclv = Mnemonic("enclv")
encodekey128 = Mnemonic("encodekey128")
encodekey256 = Mnemonic("encodekey256")
endbr32 = Mnemonic("endbr32")
endbr64 = Mnemonic("endbr64")
enqcmd = Mnemonic("enqcmd")
enqcmds = Mnemonic("enqcmds")
enter = Mnemonic("enter")
erets = Mnemonic("erets")
eretu = Mnemonic("eretu")
extractps = Mnemonic("extractps")
extrq = Mnemonic("extrq")
f2xm1 = Mnemonic("f2xm1")
fabs = Mnemonic("fabs")
fadd = Mnemonic("fadd")
faddp = Mnemonic("faddp")
fbld = Mnemonic("fbld")
fbstp = Mnemonic("fbstp")
fchs = Mnemonic("fchs")
fclex = Mnemonic("fclex")
fcmovb = Mnemonic("fcmovb")
fcmovbe = Mnemonic("fcmovbe")
fcmove = Mnemonic("fcmove")
fcmovnb = Mnemonic("fcmovnb")
fcmovnbe = Mnemonic("fcmovnbe")
fcmovne = Mnemonic("fcmovne")
fcmovnu = Mnemonic("fcmovnu")
fcmovu = Mnemonic("fcmovu")
fcom = Mnemonic("fcom")
fcomi = Mnemonic("fcomi")
fcomip = Mnemonic("fcomip")
fcomp = Mnemonic("fcomp")
fcompp = Mnemonic("fcompp")
fcos = Mnemonic("fcos")
fdecstp = Mnemonic("fdecstp")
fdisi = Mnemonic("fdisi")
fdiv = Mnemonic("fdiv")
fdivp = Mnemonic("fdivp")
fdivr = Mnemonic("fdivr")
fdivrp = Mnemonic("fdivrp")
femms = Mnemonic("femms")
feni = Mnemonic("feni")
ffree = Mnemonic("ffree")
ffreep = Mnemonic("ffreep")
fiadd = Mnemonic("fiadd")
ficom = Mnemonic("ficom")
ficomp = Mnemonic("ficomp")
fidiv = Mnemonic("fidiv")
fidivr = Mnemonic("fidivr")
fild = Mnemonic("fild")
fimul = Mnemonic("fimul")
fincstp = Mnemonic("fincstp")
finit = Mnemonic("finit")
fist = Mnemonic("fist")
fistp = Mnemonic("fistp")
fisttp = Mnemonic("fisttp")
fisub = Mnemonic("fisub")
fisubr = Mnemonic("fisubr")
fld = Mnemonic("fld")
fld1 = Mnemonic("fld1")
fldcw = Mnemonic("fldcw")
fldenv = Mnemonic("fldenv")
fldl2e = Mnemonic("fldl2e")
fldl2t = Mnemonic("fldl2t")
fldlg2 = Mnemonic("fldlg2")
fldln2 = Mnemonic("fldln2")
fldpi = Mnemonic("fldpi")
fldz = Mnemonic("fldz")
fmul = Mnemonic("fmul")
fmulp = Mnemonic("fmulp")
fnclex = Mnemonic("fnclex")
fndisi = Mnemonic("fndisi")
fneni = Mnemonic("fneni")
fninit = Mnemonic("fninit")
fnop = Mnemonic("fnop")
fnsave = Mnemonic("fnsave")
fnsetpm = Mnemonic("fnsetpm")
fnstcw = Mnemonic("fnstcw")
fnstenv = Mnemonic("fnstenv")
fnstsw = Mnemonic("fnstsw")
fpatan = Mnemonic("fpatan")
fprem = Mnemonic("fprem")
fprem1 = Mnemonic("fprem1")
fptan = Mnemonic("fptan")
frndint = Mnemonic("frndint")
frstor = Mnemonic("frstor")
fsave = Mnemonic("fsave")
fscale = Mnemonic("fscale")
fsetpm = Mnemonic("fsetpm")
fsin = Mnemonic("fsin")
fsincos = Mnemonic("fsincos")
fsqrt = Mnemonic("fsqrt")
fst = Mnemonic("fst")
fstcw = Mnemonic("fstcw")
fstenv = Mnemonic("fstenv")
fstp = Mnemonic("fstp")
fstpnce = Mnemonic("fstpnce")
fstsw = Mnemonic("fstsw")
fsub = Mnemonic("fsub")
fsubp = Mnemonic("fsubp")
fsubr = Mnemonic("fsubr")
fsubrp = Mnemonic("fsubrp")
ftst = Mnemonic("ftst")
fucom = Mnemonic("fucom")
fucomi = Mnemonic("fucomi")
fucomip = Mnemonic("fucomip")
fucomp = Mnemonic("fucomp")
fucompp = Mnemonic("fucompp")
fwait = Mnemonic("fwait")
fxam = Mnemonic("fxam")
fxch = Mnemonic("fxch")
fxrstor = Mnemonic("fxrstor")
fxrstor64 = Mnemonic("fxrstor64")
fxsave = Mnemonic("fxsave")
fxsave64 = Mnemonic("fxsave64")
fxtract = Mnemonic("fxtract")
fyl2x = Mnemonic("fyl2x")
fyl2xp1 = Mnemonic("fyl2xp1")
getsec = Mnemonic("getsec")
getsecq = Mnemonic("getsecq")
gf2p8affineinvqb = Mnemonic("gf2p8affineinvqb")
gf2p8affineqb = Mnemonic("gf2p8affineqb")
gf2p8mulb = Mnemonic("gf2p8mulb")
haddpd = Mnemonic("haddpd")
haddps = Mnemonic("haddps")
hlt = Mnemonic("hlt")
hreset = Mnemonic("hreset")
hsubpd = Mnemonic("hsubpd")
hsubps = Mnemonic("hsubps")
icebp = Mnemonic("icebp")
idiv = Mnemonic("idiv")
imul = Mnemonic("imul")
in_ = Mnemonic("in")
inc = Mnemonic("inc")
incsspd = Mnemonic("incsspd")
incsspq = Mnemonic("incsspq")
ins = Mnemonic("ins")
insb = Mnemonic("insb")
insd = Mnemonic("insd")
insertps = Mnemonic("insertps")
insertq = Mnemonic("insertq")
insw = Mnemonic("insw")
int1 = Mnemonic("int1")
int3 = Mnemonic("int3")
int_ = Mnemonic("int")
into = Mnemonic("into")
invd = Mnemonic("invd")
invept = Mnemonic("invept")
invlpg = Mnemonic("invlpg")
invlpga = Mnemonic("invlpga")
invlpgb = Mnemonic("invlpgb")
invpcid = Mnemonic("invpcid")
invvpid = Mnemonic("invvpid")
iret = Mnemonic("iret")
iretd = Mnemonic("iretd")
iretq = Mnemonic("iretq")
iretw = Mnemonic("iretw")
ja = Mnemonic("ja")
jae = Mnemonic("jae")
jb = Mnemonic("jb")
jbe = Mnemonic("jbe")
jc = Mnemonic("jb")
jcxz = Mnemonic("jcxz")
je = Mnemonic("je")
jecxz = Mnemonic("jecxz")
jg = Mnemonic("jg")
jge = Mnemonic("jge")
jl = Mnemonic("jl")
jle = Mnemonic("jle")
jmp = Mnemonic("jmp")
jmpq = Mnemonic("jmpq")
jna = Mnemonic("jbe")
jnae = Mnemonic("jb")
jnb = Mnemonic("jae")
jnbe = Mnemonic("ja")
jnc = Mnemonic("jae")
jne = Mnemonic("jne")
jng = Mnemonic("jle")
jnge = Mnemonic("jl")
jnl = Mnemonic("jge")
jnle = Mnemonic("jg")
jno = Mnemonic("jno")
jnp = Mnemonic("jnp")
jns = Mnemonic("jns")
jnz = Mnemonic("jne")
jo = Mnemonic("jo")
jp = Mnemonic("jp")
jpe = Mnemonic("jp")
jpo = Mnemonic("jnp")
jrcxz = Mnemonic("jrcxz")
js = Mnemonic("js")
jz = Mnemonic("je")
kaddb = Mnemonic("kaddb")
kaddd = Mnemonic("kaddd")
kaddq = Mnemonic("kaddq")
kaddw = Mnemonic("kaddw")
kandb = Mnemonic("kandb")
kandd = Mnemonic("kandd")
kandnb = Mnemonic("kandnb")
kandnd = Mnemonic("kandnd")
kandnq = Mnemonic("kandnq")
kandnw = Mnemonic("kandnw")
kandq = Mnemonic("kandq")
kandw = Mnemonic("kandw")
kmovb = Mnemonic("kmovb")
kmovd = Mnemonic("kmovd")
kmovq = Mnemonic("kmovq")
kmovw = Mnemonic("kmovw")
knotb = Mnemonic("knotb")
knotd = Mnemonic("knotd")
knotq = Mnemonic("knotq")
knotw = Mnemonic("knotw")
korb = Mnemonic("korb")
kord = Mnemonic("kord")
korq = Mnemonic("korq")
kortestb = Mnemonic("kortestb")
kortestd = Mnemonic("kortestd")
kortestq = Mnemonic("kortestq")
kortestw = Mnemonic("kortestw")
korw = Mnemonic("korw")
kshiftlb = Mnemonic("kshiftlb")
kshiftld = Mnemonic("kshiftld")
kshiftlq = Mnemonic("kshiftlq")
kshiftlw = Mnemonic("kshiftlw")
kshiftrb = Mnemonic("kshiftrb")
kshiftrd = Mnemonic("kshiftrd")
kshiftrq = Mnemonic("kshiftrq")
kshiftrw = Mnemonic("kshiftrw")
ktestb = Mnemonic("ktestb")
ktestd = Mnemonic("ktestd")
ktestq = Mnemonic("ktestq")
ktestw = Mnemonic("ktestw")
kunpckbw = Mnemonic("kunpckbw")
kunpckdq = Mnemonic("kunpckdq")
kunpckwd = Mnemonic("kunpckwd")
kxnorb = Mnemonic("kxnorb")
kxnord = Mnemonic("kxnord")
kxnorq = Mnemonic("kxnorq")
kxnorw = Mnemonic("kxnorw")
kxorb = Mnemonic("kxorb")
kxord = Mnemonic("kxord")
kxorq = Mnemonic("kxorq")
kxorw = Mnemonic("kxorw")
lahf = Mnemonic("lahf")
lar = Mnemonic("lar")
lcall = Mnemonic("lcall")
lddqu = Mnemonic("lddqu")
ldmxcsr = Mnemonic("ldmxcsr")
lds = Mnemonic("lds")
ldtilecfg = Mnemonic("ldtilecfg")
lea = Mnemonic("lea")
leave = Mnemonic("leave")
leaveq = Mnemonic("leaveq")
les = Mnemonic("les")
lfence = Mnemonic("lfence")
lfs = Mnemonic("lfs")
lgdt = Mnemonic("lgdt")
lgs = Mnemonic("lgs")
lidt = Mnemonic("lidt")
ljmp = Mnemonic("ljmp")
lkgs = Mnemonic("lkgs")
lldt = Mnemonic("lldt")
llwpcb = Mnemonic("llwpcb")
lmsw = Mnemonic("lmsw")
loadiwkey = Mnemonic("loadiwkey")
lods = Mnemonic("lods")
lodsb = Mnemonic("lodsb")
lodsd = Mnemonic("lodsd")
lodsq = Mnemonic("lodsq")
lodsw = Mnemonic("lodsw")
loop_ = Mnemonic("loop")
loope = Mnemonic("loope")
loopne = Mnemonic("loopne")
loopnz = Mnemonic("loopnz")
loopz = Mnemonic("loopz")
lret = Mnemonic("lret")
lretl = Mnemonic("lretl")
lretq = Mnemonic("lretq")
lretw = Mnemonic("lretw")
lsl = Mnemonic("lsl")
lss = Mnemonic("lss")
ltr = Mnemonic("ltr")
lwpins = Mnemonic("lwpins")
lwpval = Mnemonic("lwpval")
lzcnt = Mnemonic("lzcnt")
maskmovdqu = Mnemonic("maskmovdqu")
maskmovq = Mnemonic("maskmovq")
maxpd = Mnemonic("maxpd")
maxps = Mnemonic("maxps")
maxsd = Mnemonic("maxsd")
maxss = Mnemonic("maxss")
mcommit = Mnemonic("mcommit")
mfence = Mnemonic("mfence")
minpd = Mnemonic("minpd")
minps = Mnemonic("minps")
minsd = Mnemonic("minsd")
minss = Mnemonic("minss")
monitor = Mnemonic("monitor")
monitorx = Mnemonic("monitorx")
montmul = Mnemonic("montmul")
mov = Mnemonic("mov")
movabs = Mnemonic("movabs")
movapd = Mnemonic("movapd")
movaps = Mnemonic("movaps")
movbe = Mnemonic("movbe")
movd = Mnemonic("movd")
movddup = Mnemonic("movddup")
movdir64b = Mnemonic("movdir64b")
movdiri = Mnemonic("movdiri")
movdq2q = Mnemonic("movdq2q")
movdqa = Mnemonic("movdqa")
movdqu = Mnemonic("movdqu")
movhlps = Mnemonic("movhlps")
movhpd = Mnemonic("movhpd")
movhps = Mnemonic("movhps")
movlhps = Mnemonic("movlhps")
movlpd = Mnemonic("movlpd")
movlps = Mnemonic("movlps")
movmskpd = Mnemonic("movmskpd")
movmskps = Mnemonic("movmskps")
movntdq = Mnemonic("movntdq")
movntdqa = Mnemonic("movntdqa")
movnti = Mnemonic("movnti")
movntpd = Mnemonic("movntpd")
movntps = Mnemonic("movntps")
movntq = Mnemonic("movntq")
movntsd = Mnemonic("movntsd")
movntss = Mnemonic("movntss")
movq = Mnemonic("movq")
movq2dq = Mnemonic("movq2dq")
movs = Mnemonic("movs")
movsb = Mnemonic("movsb")
movsd = Mnemonic("movsd")
movshdup = Mnemonic("movshdup")
movsldup = Mnemonic("movsldup")
movsq = Mnemonic("movsq")
movss = Mnemonic("movss")
movsw = Mnemonic("movsw")
movsx = Mnemonic("movsx")
movsxd = Mnemonic("movsxd")
movupd = Mnemonic("movupd")
movups = Mnemonic("movups")
movzx = Mnemonic("movzx")
mpsadbw = Mnemonic("mpsadbw")
mul = Mnemonic("mul")
mulpd = Mnemonic("mulpd")
mulps = Mnemonic("mulps")
mulsd = Mnemonic("mulsd")
mulss = Mnemonic("mulss")
mulx = Mnemonic("mulx")
mwait = Mnemonic("mwait")
mwaitx = Mnemonic("mwaitx")
neg = Mnemonic("neg")
nop = Mnemonic("nop")
not_ = Mnemonic("not")
or_ = Mnemonic("or")
orpd = Mnemonic("orpd")
orps = Mnemonic("orps")
out = Mnemonic("out")
outs = Mnemonic("outs")
outsb = Mnemonic("outsb")
outsd = Mnemonic("outsd")
outsw = Mnemonic("outsw")
pabsb = Mnemonic("pabsb")
pabsd = Mnemonic("pabsd")
pabsw = Mnemonic("pabsw")
packssdw = Mnemonic("packssdw")
packsswb = Mnemonic("packsswb")
packusdw = Mnemonic("packusdw")
packuswb = Mnemonic("packuswb")
paddb = Mnemonic("paddb")
paddd = Mnemonic("paddd")
paddq = Mnemonic("paddq")
paddsb = Mnemonic("paddsb")
paddsw = Mnemonic("paddsw")
paddusb = Mnemonic("paddusb")
paddusw = Mnemonic("paddusw")
paddw = Mnemonic("paddw")
palignr = Mnemonic("palignr")
pand = Mnemonic("pand")
pandn = Mnemonic("pandn")
pause = Mnemonic("pause")
pavgb = Mnemonic("pavgb")
pavgusb = Mnemonic("pavgusb")
pavgw = Mnemonic("pavgw")
pblendvb = Mnemonic("pblendvb")
pblendw = Mnemonic("pblendw")
pbndkb = Mnemonic("pbndkb")
pclmulqdq = Mnemonic("pclmulqdq")
pcmpeqb = Mnemonic("pcmpeqb")
pcmpeqd = Mnemonic("pcmpeqd")
pcmpeqq = Mnemonic("pcmpeqq")
pcmpeqw = Mnemonic("pcmpeqw")
pcmpestri = Mnemonic("pcmpestri")
pcmpestri64 = Mnemonic("pcmpestri64")
pcmpestrm = Mnemonic("pcmpestrm")
pcmpestrm64 = Mnemonic("pcmpestrm64")
pcmpgtb = Mnemonic("pcmpgtb")
pcmpgtd = Mnemonic("pcmpgtd")
pcmpgtq = Mnemonic("pcmpgtq")
pcmpgtw = Mnemonic("pcmpgtw")
pcmpistri = Mnemonic("pcmpistri")
pcmpistrm = Mnemonic("pcmpistrm")
pconfig = Mnemonic("pconfig")
pdep = Mnemonic("pdep")
pext = Mnemonic("pext")
pextrb = Mnemonic("pextrb")
pextrd = Mnemonic("pextrd")
pextrq = Mnemonic("pextrq")
pextrw = Mnemonic("pextrw")
pf2id = Mnemonic("pf2id")
pf2iw = Mnemonic("pf2iw")
pfacc = Mnemonic("pfacc")
pfadd = Mnemonic("pfadd")
pfcmpeq = Mnemonic("pfcmpeq")
pfcmpge = Mnemonic("pfcmpge")
pfcmpgt = Mnemonic("pfcmpgt")
pfmax = Mnemonic("pfmax")
pfmin = Mnemonic("pfmin")
pfmul = Mnemonic("pfmul")
pfnacc = Mnemonic("pfnacc")
pfpnacc = Mnemonic("pfpnacc")
pfrcp = Mnemonic("pfrcp")
pfrcpit1 = Mnemonic("pfrcpit1")
pfrcpit2 = Mnemonic("pfrcpit2")
pfrsqit1 = Mnemonic("pfrsqit1")
pfrsqrt = Mnemonic("pfrsqrt")
pfsub = Mnemonic("pfsub")
pfsubr = Mnemonic("pfsubr")
phaddd = Mnemonic("phaddd")
phaddsw = Mnemonic("phaddsw")
phaddw = Mnemonic("phaddw")
phminposuw = Mnemonic("phminposuw")
phsubd = Mnemonic("phsubd")
phsubsw = Mnemonic("phsubsw")
phsubw = Mnemonic("phsubw")
pi2fd = Mnemonic("pi2fd")
pi2fw = Mnemonic("pi2fw")
pinsrb = Mnemonic("pinsrb")
pinsrd = Mnemonic("pinsrd")
pinsrq = Mnemonic("pinsrq")
pinsrw = Mnemonic("pinsrw")
pmaddubsw = Mnemonic("pmaddubsw")
pmaddwd = Mnemonic("pmaddwd")
pmaxsb = Mnemonic("pmaxsb")
pmaxsd = Mnemonic("pmaxsd")
pmaxsw = Mnemonic("pmaxsw")
pmaxub = Mnemonic("pmaxub")
pmaxud = Mnemonic("pmaxud")
pmaxuw = Mnemonic("pmaxuw")
pminsb = Mnemonic("pminsb")
pminsd = Mnemonic("pminsd")
pminsw = Mnemonic("pminsw")
pminub = Mnemonic("pminub")
pminud = Mnemonic("pminud")
pminuw = Mnemonic("pminuw")
pmovmskb = Mnemonic("pmovmskb")
pmovsxbd = Mnemonic("pmovsxbd")
pmovsxbq = Mnemonic("pmovsxbq")
pmovsxbw = Mnemonic("pmovsxbw")
pmovsxdq = Mnemonic("pmovsxdq")
pmovsxwd = Mnemonic("pmovsxwd")
pmovsxwq = Mnemonic("pmovsxwq")
pmovzxbd = Mnemonic("pmovzxbd")
pmovzxbq = Mnemonic("pmovzxbq")
pmovzxbw = Mnemonic("pmovzxbw")
pmovzxdq = Mnemonic("pmovzxdq")
pmovzxwd = Mnemonic("pmovzxwd")
pmovzxwq = Mnemonic("pmovzxwq")
pmuldq = Mnemonic("pmuldq")
pmulhrsw = Mnemonic("pmulhrsw")
pmulhrw = Mnemonic("pmulhrw")
pmulhuw = Mnemonic("pmulhuw")
pmulhw = Mnemonic("pmulhw")
pmulld = Mnemonic("pmulld")
pmullw = Mnemonic("pmullw")
pmuludq = Mnemonic("pmuludq")
pop = Mnemonic("pop")
popa = Mnemonic("popa")
popad = Mnemonic("popad")
popaw = Mnemonic("popaw")
popcnt = Mnemonic("popcnt")
popf = Mnemonic("popf")
popfd = Mnemonic("popfd")
popfq = Mnemonic("popfq")
popfw = Mnemonic("popfw")
popq = Mnemonic("popq")
por = Mnemonic("por")
prefetch = Mnemonic("prefetch")
prefetchit0 = Mnemonic("prefetchit0")
prefetchit1 = Mnemonic("prefetchit1")
prefetchnta = Mnemonic("prefetchnta")
prefetcht0 = Mnemonic("prefetcht0")
prefetcht1 = Mnemonic("prefetcht1")
prefetcht2 = Mnemonic("prefetcht2")
prefetchw = Mnemonic("prefetchw")
prefetchwt1 = Mnemonic("prefetchwt1")
psadbw = Mnemonic("psadbw")
pshufb = Mnemonic("pshufb")
pshufd = Mnemonic("pshufd")
pshufhw = Mnemonic("pshufhw")
pshuflw = Mnemonic("pshuflw")
pshufw = Mnemonic("pshufw")
psignb = Mnemonic("psignb")
psignd = Mnemonic("psignd")
psignw = Mnemonic("psignw")
pslld = Mnemonic("pslld")
pslldq = Mnemonic("pslldq")
psllq = Mnemonic("psllq")
psllw = Mnemonic("psllw")
psmash = Mnemonic("psmash")
psrad = Mnemonic("psrad")
psraw = Mnemonic("psraw")
psrld = Mnemonic("psrld")
psrldq = Mnemonic("psrldq")
psrlq = Mnemonic("psrlq")
psrlw = Mnemonic("psrlw")
psubb = Mnemonic("psubb")
psubd = Mnemonic("psubd")
psubq = Mnemonic("psubq")
psubsb = Mnemonic("psubsb")
psubsw = Mnemonic("psubsw")
psubusb = Mnemonic("psubusb")
psubusw = Mnemonic("psubusw")
psubw = Mnemonic("psubw")
pswapd = Mnemonic("pswapd")
ptest = Mnemonic("ptest")
ptwrite = Mnemonic("ptwrite")
punpckhbw = Mnemonic("punpckhbw")
punpckhdq = Mnemonic("punpckhdq")
punpckhqdq = Mnemonic("punpckhqdq")
punpckhwd = Mnemonic("punpckhwd")
punpcklbw = Mnemonic("punpcklbw")
punpckldq = Mnemonic("punpckldq")
punpcklqdq = Mnemonic("punpcklqdq")
punpcklwd = Mnemonic("punpcklwd")
push = Mnemonic("push")
pusha = Mnemonic("pusha")
pushad = Mnemonic("pushad")
pushaw = Mnemonic("pushaw")
pushf = Mnemonic("pushf")
pushfd = Mnemonic("pushfd")
pushfq = Mnemonic("pushfq")
pushfw = Mnemonic("pushfw")
pushq = Mnemonic("pushq")
pvalidate = Mnemonic("pvalidate")
pxor = Mnemonic("pxor")
rcl = Mnemonic("rcl")
rcpps = Mnemonic("rcpps")
rcpss = Mnemonic("rcpss")
rcr = Mnemonic("rcr")
rdfsbase = Mnemonic("rdfsbase")
rdgsbase = Mnemonic("rdgsbase")
rdmsr = Mnemonic("rdmsr")
rdmsrlist = Mnemonic("rdmsrlist")
rdpid = Mnemonic("rdpid")
rdpkru = Mnemonic("rdpkru")
rdpmc = Mnemonic("rdpmc")
rdpru = Mnemonic("rdpru")
rdrand = Mnemonic("rdrand")
rdseed = Mnemonic("rdseed")
rdsspd = Mnemonic("rdsspd")
rdsspq = Mnemonic("rdsspq")
rdtsc = Mnemonic("rdtsc")
rdtscp = Mnemonic("rdtscp")
retf = Mnemonic("retf")
retfd = Mnemonic("retfd")
retfq = Mnemonic("retfq")
retfw = Mnemonic("retfw")
retq = Mnemonic("retq")
retw = Mnemonic("retw")
rmpadjust = Mnemonic("rmpadjust")
rmpquery = Mnemonic("rmpquery")
rmpupdate = Mnemonic("rmpupdate")
rol = Mnemonic("rol")
ror = Mnemonic("ror")
rorx = Mnemonic("rorx")
roundpd = Mnemonic("roundpd")
roundps = Mnemonic("roundps")
roundsd = Mnemonic("roundsd")
roundss = Mnemonic("roundss")
rsm = Mnemonic("rsm")
rsqrtps = Mnemonic("rsqrtps")
rsqrtss = Mnemonic("rsqrtss")
rstorssp = Mnemonic("rstorssp")
sahf = Mnemonic("sahf")
sal = Mnemonic("sal")
salc = Mnemonic("salc")
sar = Mnemonic("sar")
sarx = Mnemonic("sarx")
saveprevssp = Mnemonic("saveprevssp")
sbb = Mnemonic("sbb")
scas = Mnemonic("scas")
scasb = Mnemonic("scasb")
scasd = Mnemonic("scasd")
scasq = Mnemonic("scasq")
scasw = Mnemonic("scasw")
seamcall = Mnemonic("seamcall")
seamops = Mnemonic("seamops")
seamret = Mnemonic("seamret")
senduipi = Mnemonic("senduipi")
serialize = Mnemonic("serialize")
seta = Mnemonic("seta")
setae = Mnemonic("setae")
setb = Mnemonic("setb")
setbe = Mnemonic("setbe")
setc = Mnemonic("setb")
sete = Mnemonic("sete")
setg = Mnemonic("setg")
setge = Mnemonic("setge")
setl = Mnemonic("setl")
setle = Mnemonic("setle")
setna = Mnemonic("setbe")
setnae = Mnemonic("setb")
setnb = Mnemonic("setae")
setnbe = Mnemonic("seta")
setnc = Mnemonic("setae")
setne = Mnemonic("setne")
setng = Mnemonic("setle")
setnge = Mnemonic("setl")
setnl = Mnemonic("setge")
setnle = Mnemonic("setg")
setno = Mnemonic("setno")
setnp = Mnemonic("setnp")
setns = Mnemonic("setns")
setnz = Mnemonic("setne")
seto = Mnemonic("seto")
setp = Mnemonic("setp")
setpe = Mnemonic("setp")
setpo = Mnemonic("setnp")
sets = Mnemonic("sets")
setssbsy = Mnemonic("setssbsy")
setz = Mnemonic("sete")
sfence = Mnemonic("sfence")
sgdt = Mnemonic("sgdt")
sha1msg1 = Mnemonic("sha1msg1")
sha1msg2 = Mnemonic("sha1msg2")
sha1nexte = Mnemonic("sha1nexte")
sha1rnds4 = Mnemonic("sha1rnds4")
sha256msg1 = Mnemonic("sha256msg1")
sha256msg2 = Mnemonic("sha256msg2")
sha256rnds2 = Mnemonic("sha256rnds2")
shl = Mnemonic("shl")
shld = Mnemonic("shld")
shlx = Mnemonic("shlx")
shr = Mnemonic("shr")
shrd = Mnemonic("shrd")
shrx = Mnemonic("shrx")
shufpd = Mnemonic("shufpd")
shufps = Mnemonic("shufps")
sidt = Mnemonic("sidt")
skinit = Mnemonic("skinit")
sldt = Mnemonic("sldt")
slwpcb = Mnemonic("slwpcb")
smsw = Mnemonic("smsw")
sqrtpd = Mnemonic("sqrtpd")
sqrtps = Mnemonic("sqrtps")
sqrtsd = Mnemonic("sqrtsd")
sqrtss = Mnemonic("sqrtss")
stac = Mnemonic("stac")
stc = Mnemonic("stc")
std = Mnemonic("std")
stgi = Mnemonic("stgi")
sti = Mnemonic("sti")
stmxcsr = Mnemonic("stmxcsr")
stos = Mnemonic("stos")
stosb = Mnemonic("stosb")
stosd = Mnemonic("stosd")
stosq = Mnemonic("stosq")
stosw = Mnemonic("stosw")
str_ = Mnemonic("str")
sttilecfg = Mnemonic("sttilecfg")
stui = Mnemonic("stui")
sub = Mnemonic("sub")
subpd = Mnemonic("subpd")
subps = Mnemonic("subps")
subsd = Mnemonic("subsd")
subss = Mnemonic("subss")
swapgs = Mnemonic("swapgs")
syscall = Mnemonic("syscall")
sysenter = Mnemonic("sysenter")
sysexit = Mnemonic("sysexit")
sysexitq = Mnemonic("sysexitq")
sysret = Mnemonic("sysret")
sysretd = Mnemonic("sysretd")
sysretl = Mnemonic("sysretl")
sysretq = Mnemonic("sysretq")
t1mskc = Mnemonic("t1mskc")
tdcall = Mnemonic("tdcall")
test = Mnemonic("test")
testui = Mnemonic("testui")
tilerelease = Mnemonic("tilerelease")
tlbsync = Mnemonic("tlbsync")
tpause = Mnemonic("tpause")
tzcnt = Mnemonic("tzcnt")
tzmsk = Mnemonic("tzmsk")
ucomisd = Mnemonic("ucomisd")
ucomiss = Mnemonic("ucomiss")
ud0 = Mnemonic("ud0")
ud1 = Mnemonic("ud1")
ud2 = Mnemonic("ud2")
ud2a = Mnemonic("ud2a")
uiret = Mnemonic("uiret")
umonitor = Mnemonic("umonitor")
umwait = Mnemonic("umwait")
undoc = Mnemonic("undoc")
unpckhpd = Mnemonic("unpckhpd")
unpckhps = Mnemonic("unpckhps")
unpcklpd = Mnemonic("unpcklpd")
unpcklps = Mnemonic("unpcklps")
vaddpd = Mnemonic("vaddpd")
vaddph = Mnemonic("vaddph")
vaddps = Mnemonic("vaddps")
vaddsd = Mnemonic("vaddsd")
vaddsh = Mnemonic("vaddsh")
vaddss = Mnemonic("vaddss")
vaddsubpd = Mnemonic("vaddsubpd")
vaddsubps = Mnemonic("vaddsubps")
vaesdec = Mnemonic("vaesdec")
vaesdeclast = Mnemonic("vaesdeclast")
vaesenc = Mnemonic("vaesenc")
vaesenclast = Mnemonic("vaesenclast")
vaesimc = Mnemonic("vaesimc")
vaeskeygenassist = Mnemonic("vaeskeygenassist")
valignd = Mnemonic("valignd")
valignq = Mnemonic("valignq")
vandnpd = Mnemonic("vandnpd")
vandnps = Mnemonic("vandnps")
vandpd = Mnemonic("vandpd")
vandps = Mnemonic("vandps")
vbcstnebf162ps = Mnemonic("vbcstnebf162ps")
vbcstnesh2ps = Mnemonic("vbcstnesh2ps")
vblendmpd = Mnemonic("vblendmpd")
vblendmps = Mnemonic("vblendmps")
vblendpd = Mnemonic("vblendpd")
vblendps = Mnemonic("vblendps")
vblendvpd = Mnemonic("vblendvpd")
vblendvps = Mnemonic("vblendvps")
vbroadcastf128 = Mnemonic("vbroadcastf128")
vbroadcastf32x2 = Mnemonic("vbroadcastf32x2")
vbroadcastf32x4 = Mnemonic("vbroadcastf32x4")
vbroadcastf32x8 = Mnemonic("vbroadcastf32x8")
vbroadcastf64x2 = Mnemonic("vbroadcastf64x2")
vbroadcastf64x4 = Mnemonic("vbroadcastf64x4")
vbroadcasti128 = Mnemonic("vbroadcasti128")
vbroadcasti32x2 = Mnemonic("vbroadcasti32x2")
vbroadcasti32x4 = Mnemonic("vbroadcasti32x4")
vbroadcasti32x8 = Mnemonic("vbroadcasti32x8")
vbroadcasti64x2 = Mnemonic("vbroadcasti64x2")
vbroadcasti64x4 = Mnemonic("vbroadcasti64x4")
vbroadcastsd = Mnemonic("vbroadcastsd")
vbroadcastss = Mnemonic("vbroadcastss")
vcmppd = Mnemonic("vcmppd")
vcmpph = Mnemonic("vcmpph")
vcmpps = Mnemonic("vcmpps")
vcmpsd = Mnemonic("vcmpsd")
vcmpsh = Mnemonic("vcmpsh")
vcmpss = Mnemonic("vcmpss")
vcomisd = Mnemonic("vcomisd")
vcomish = Mnemonic("vcomish")
vcomiss = Mnemonic("vcomiss")
vcompresspd = Mnemonic("vcompresspd")
vcompressps = Mnemonic("vcompressps")
vcvtdq2pd = Mnemonic("vcvtdq2pd")
vcvtdq2ph = Mnemonic("vcvtdq2ph")
vcvtdq2ps = Mnemonic("vcvtdq2ps")
vcvtne2ps2bf16 = Mnemonic("vcvtne2ps2bf16")
vcvtneebf162ps = Mnemonic("vcvtneebf162ps")
vcvtneeph2ps = Mnemonic("vcvtneeph2ps")
vcvtneobf162ps = Mnemonic("vcvtneobf162ps")
vcvtneoph2ps = Mnemonic("vcvtneoph2ps")
vcvtneps2bf16 = Mnemonic("vcvtneps2bf16")
vcvtpd2dq = Mnemonic("vcvtpd2dq")
vcvtpd2ph = Mnemonic("vcvtpd2ph")
vcvtpd2ps = Mnemonic("vcvtpd2ps")
vcvtpd2qq = Mnemonic("vcvtpd2qq")
vcvtpd2udq = Mnemonic("vcvtpd2udq")
vcvtpd2uqq = Mnemonic("vcvtpd2uqq")
vcvtph2dq = Mnemonic("vcvtph2dq")
vcvtph2pd = Mnemonic("vcvtph2pd")
vcvtph2ps = Mnemonic("vcvtph2ps")
vcvtph2psx = Mnemonic("vcvtph2psx")
vcvtph2qq = Mnemonic("vcvtph2qq")
vcvtph2udq = Mnemonic("vcvtph2udq")
vcvtph2uqq = Mnemonic("vcvtph2uqq")
vcvtph2uw = Mnemonic("vcvtph2uw")
vcvtph2w = Mnemonic("vcvtph2w")
vcvtps2dq = Mnemonic("vcvtps2dq")
vcvtps2pd = Mnemonic("vcvtps2pd")
vcvtps2ph = Mnemonic("vcvtps2ph")
vcvtps2phx = Mnemonic("vcvtps2phx")
vcvtps2qq = Mnemonic("vcvtps2qq")
vcvtps2udq = Mnemonic("vcvtps2udq")
vcvtps2uqq = Mnemonic("vcvtps2uqq")
vcvtqq2pd = Mnemonic("vcvtqq2pd")
vcvtqq2ph = Mnemonic("vcvtqq2ph")
vcvtqq2ps = Mnemonic("vcvtqq2ps")
vcvtsd2sh = Mnemonic("vcvtsd2sh")
vcvtsd2si = Mnemonic("vcvtsd2si")
vcvtsd2ss = Mnemonic("vcvtsd2ss")
vcvtsd2usi = Mnemonic("vcvtsd2usi")
vcvtsh2sd = Mnemonic("vcvtsh2sd")
vcvtsh2si = Mnemonic("vcvtsh2si")
vcvtsh2ss = Mnemonic("vcvtsh2ss")
vcvtsh2usi = Mnemonic("vcvtsh2usi")
vcvtsi2sd = Mnemonic("vcvtsi2sd")
vcvtsi2sh = Mnemonic("vcvtsi2sh")
vcvtsi2ss = Mnemonic("vcvtsi2ss")
vcvtss2sd = Mnemonic("vcvtss2sd")
vcvtss2sh = Mnemonic("vcvtss2sh")
vcvtss2si = Mnemonic("vcvtss2si")
vcvtss2usi = Mnemonic("vcvtss2usi")
vcvttpd2dq = Mnemonic("vcvttpd2dq")
vcvttpd2qq = Mnemonic("vcvttpd2qq")
vcvttpd2udq = Mnemonic("vcvttpd2udq")
vcvttpd2uqq = Mnemonic("vcvttpd2uqq")
vcvttph2dq = Mnemonic("vcvttph2dq")
vcvttph2qq = Mnemonic("vcvttph2qq")
vcvttph2udq = Mnemonic("vcvttph2udq")
vcvttph2uqq = Mnemonic("vcvttph2uqq")
vcvttph2uw = Mnemonic("vcvttph2uw")
vcvttph2w = Mnemonic("vcvttph2w")
vcvttps2dq = Mnemonic("vcvttps2dq")
vcvttps2qq = Mnemonic("vcvttps2qq")
vcvttps2udq = Mnemonic("vcvttps2udq")
vcvttps2uqq = Mnemonic("vcvttps2uqq")
vcvttsd2si = Mnemonic("vcvttsd2si")
vcvttsd2usi = Mnemonic("vcvttsd2usi")
vcvttsh2si = Mnemonic("vcvttsh2si")
vcvttsh2usi = Mnemonic("vcvttsh2usi")
vcvttss2si = Mnemonic("vcvttss2si")
vcvttss2usi = Mnemonic("vcvttss2usi")
vcvtudq2pd = Mnemonic("vcvtudq2pd")
vcvtudq2ph = Mnemonic("vcvtudq2ph")
vcvtudq2ps = Mnemonic("vcvtudq2ps")
vcvtuqq2pd = Mnemonic("vcvtuqq2pd")
vcvtuqq2ph = Mnemonic("vcvtuqq2ph")
vcvtuqq2ps = Mnemonic("vcvtuqq2ps")
vcvtusi2sd = Mnemonic("vcvtusi2sd")
vcvtusi2sh = Mnemonic("vcvtusi2sh")
vcvtusi2ss = Mnemonic("vcvtusi2ss")
vcvtuw2ph = Mnemonic("vcvtuw2ph")
vcvtw2ph = Mnemonic("vcvtw2ph")
vdbpsadbw = Mnemonic("vdbpsadbw")
vdivpd = Mnemonic("vdivpd")
vdivph = Mnemonic("vdivph")
vdivps = Mnemonic("vdivps")
vdivsd = Mnemonic("vdivsd")
vdivsh = Mnemonic("vdivsh")
vdivss = Mnemonic("vdivss")
vdpbf16ps = Mnemonic("vdpbf16ps")
vdppd = Mnemonic("vdppd")
vdpps = Mnemonic("vdpps")
verr = Mnemonic("verr")
verw = Mnemonic("verw")
vexp2pd = Mnemonic("vexp2pd")
vexp2ps = Mnemonic("vexp2ps")
vexpandpd = Mnemonic("vexpandpd")
vexpandps = Mnemonic("vexpandps")
vextractf128 = Mnemonic("vextractf128")
vextractf32x4 = Mnemonic("vextractf32x4")
vextractf32x8 = Mnemonic("vextractf32x8")
vextractf64x2 = Mnemonic("vextractf64x2")
vextractf64x4 = Mnemonic("vextractf64x4")
vextracti128 = Mnemonic("vextracti128")
vextracti32x4 = Mnemonic("vextracti32x4")
vextracti32x8 = Mnemonic("vextracti32x8")
vextracti64x2 = Mnemonic("vextracti64x2")
vextracti64x4 = Mnemonic("vextracti64x4")
vextractps = Mnemonic("vextractps")
vfcmaddcph = Mnemonic("vfcmaddcph")
vfcmaddcsh = Mnemonic("vfcmaddcsh")
vfcmulcph = Mnemonic("vfcmulcph")
vfcmulcsh = Mnemonic("vfcmulcsh")
vfixupimmpd = Mnemonic("vfixupimmpd")
vfixupimmps = Mnemonic("vfixupimmps")
vfixupimmsd = Mnemonic("vfixupimmsd")
vfixupimmss = Mnemonic("vfixupimmss")
vfmadd132pd = Mnemonic("vfmadd132pd")
vfmadd132ph = Mnemonic("vfmadd132ph")
vfmadd132ps = Mnemonic("vfmadd132ps")
vfmadd132sd = Mnemonic("vfmadd132sd")
vfmadd132sh = Mnemonic("vfmadd132sh")
vfmadd132ss = Mnemonic("vfmadd132ss")
vfmadd213pd = Mnemonic("vfmadd213pd")
vfmadd213ph = Mnemonic("vfmadd213ph")
vfmadd213ps = Mnemonic("vfmadd213ps")
vfmadd213sd = Mnemonic("vfmadd213sd")
vfmadd213sh = Mnemonic("vfmadd213sh")
vfmadd213ss = Mnemonic("vfmadd213ss")
vfmadd231pd = Mnemonic("vfmadd231pd")
vfmadd231ph = Mnemonic("vfmadd231ph")
vfmadd231ps = Mnemonic("vfmadd231ps")
vfmadd231sd = Mnemonic("vfmadd231sd")
vfmadd231sh = Mnemonic("vfmadd231sh")
vfmadd231ss = Mnemonic("vfmadd231ss")
vfmaddcph = Mnemonic("vfmaddcph")
vfmaddcsh = Mnemonic("vfmaddcsh")
vfmaddpd = Mnemonic("vfmaddpd")
vfmaddps = Mnemonic("vfmaddps")
vfmaddsd = Mnemonic("vfmaddsd")
vfmaddss = Mnemonic("vfmaddss")
vfmaddsub132pd = Mnemonic("vfmaddsub132pd")
vfmaddsub132ph = Mnemonic("vfmaddsub132ph")
vfmaddsub132ps = Mnemonic("vfmaddsub132ps")
vfmaddsub213pd = Mnemonic("vfmaddsub213pd")
vfmaddsub213ph = Mnemonic("vfmaddsub213ph")
vfmaddsub213ps = Mnemonic("vfmaddsub213ps")
vfmaddsub231pd = Mnemonic("vfmaddsub231pd")
vfmaddsub231ph = Mnemonic("vfmaddsub231ph")
vfmaddsub231ps = Mnemonic("vfmaddsub231ps")
vfmaddsubpd = Mnemonic("vfmaddsubpd")
vfmaddsubps = Mnemonic("vfmaddsubps")
vfmsub132pd = Mnemonic("vfmsub132pd")
vfmsub132ph = Mnemonic("vfmsub132ph")
vfmsub132ps = Mnemonic("vfmsub132ps")
vfmsub132sd = Mnemonic("vfmsub132sd")
vfmsub132sh = Mnemonic("vfmsub132sh")
vfmsub132ss = Mnemonic("vfmsub132ss")
vfmsub213pd = Mnemonic("vfmsub213pd")
vfmsub213ph = Mnemonic("vfmsub213ph")
vfmsub213ps = Mnemonic("vfmsub213ps")
vfmsub213sd = Mnemonic("vfmsub213sd")
vfmsub213sh = Mnemonic("vfmsub213sh")
vfmsub213ss = Mnemonic("vfmsub213ss")
vfmsub231pd = Mnemonic("vfmsub231pd")
vfmsub231ph = Mnemonic("vfmsub231ph")
vfmsub231ps = Mnemonic("vfmsub231ps")
vfmsub231sd = Mnemonic("vfmsub231sd")
vfmsub231sh = Mnemonic("vfmsub231sh")
vfmsub231ss = Mnemonic("vfmsub231ss")
vfmsubadd132pd = Mnemonic("vfmsubadd132pd")
vfmsubadd132ph = Mnemonic("vfmsubadd132ph")
vfmsubadd132ps = Mnemonic("vfmsubadd132ps")
vfmsubadd213pd = Mnemonic("vfmsubadd213pd")
vfmsubadd213ph = Mnemonic("vfmsubadd213ph")
vfmsubadd213ps = Mnemonic("vfmsubadd213ps")
vfmsubadd231pd = Mnemonic("vfmsubadd231pd")
vfmsubadd231ph = Mnemonic("vfmsubadd231ph")
vfmsubadd231ps = Mnemonic("vfmsubadd231ps")
vfmsubaddpd = Mnemonic("vfmsubaddpd")
vfmsubaddps = Mnemonic("vfmsubaddps")
vfmsubpd = Mnemonic("vfmsubpd")
vfmsubps = Mnemonic("vfmsubps")
vfmsubsd = Mnemonic("vfmsubsd")
vfmsubss = Mnemonic("vfmsubss")
vfmulcph = Mnemonic("vfmulcph")
vfmulcsh = Mnemonic("vfmulcsh")
vfnmadd132pd = Mnemonic("vfnmadd132pd")
vfnmadd132ph = Mnemonic("vfnmadd132ph")
vfnmadd132ps = Mnemonic("vfnmadd132ps")
vfnmadd132sd = Mnemonic("vfnmadd132sd")
vfnmadd132sh = Mnemonic("vfnmadd132sh")
vfnmadd132ss = Mnemonic("vfnmadd132ss")
vfnmadd213pd = Mnemonic("vfnmadd213pd")
vfnmadd213ph = Mnemonic("vfnmadd213ph")
vfnmadd213ps = Mnemonic("vfnmadd213ps")
vfnmadd213sd = Mnemonic("vfnmadd213sd")
vfnmadd213sh = Mnemonic("vfnmadd213sh")
vfnmadd213ss = Mnemonic("vfnmadd213ss")
vfnmadd231pd = Mnemonic("vfnmadd231pd")
vfnmadd231ph = Mnemonic("vfnmadd231ph")
vfnmadd231ps = Mnemonic("vfnmadd231ps")
vfnmadd231sd = Mnemonic("vfnmadd231sd")
vfnmadd231sh = Mnemonic("vfnmadd231sh")
vfnmadd231ss = Mnemonic("vfnmadd231ss")
vfnmaddpd = Mnemonic("vfnmaddpd")
vfnmaddps = Mnemonic("vfnmaddps")
vfnmaddsd = Mnemonic("vfnmaddsd")
vfnmaddss = Mnemonic("vfnmaddss")
vfnmsub132pd = Mnemonic("vfnmsub132pd")
vfnmsub132ph = Mnemonic("vfnmsub132ph")
vfnmsub132ps = Mnemonic("vfnmsub132ps")
vfnmsub132sd = Mnemonic("vfnmsub132sd")
vfnmsub132sh = Mnemonic("vfnmsub132sh")
vfnmsub132ss = Mnemonic("vfnmsub132ss")
vfnmsub213pd = Mnemonic("vfnmsub213pd")
vfnmsub213ph = Mnemonic("vfnmsub213ph")
vfnmsub213ps = Mnemonic("vfnmsub213ps")
vfnmsub213sd = Mnemonic("vfnmsub213sd")
vfnmsub213sh = Mnemonic("vfnmsub213sh")
vfnmsub213ss = Mnemonic("vfnmsub213ss")
vfnmsub231pd = Mnemonic("vfnmsub231pd")
vfnmsub231ph = Mnemonic("vfnmsub231ph")
vfnmsub231ps = Mnemonic("vfnmsub231ps")
vfnmsub231sd = Mnemonic("vfnmsub231sd")
vfnmsub231sh = Mnemonic("vfnmsub231sh")
vfnmsub231ss = Mnemonic("vfnmsub231ss")
vfnmsubpd = Mnemonic("vfnmsubpd")
vfnmsubps = Mnemonic("vfnmsubps")
vfnmsubsd = Mnemonic("vfnmsubsd")
vfnmsubss = Mnemonic("vfnmsubss")
vfpclasspd = Mnemonic("vfpclasspd")
vfpclassph = Mnemonic("vfpclassph")
vfpclassps = Mnemonic("vfpclassps")
vfpclasssd = Mnemonic("vfpclasssd")
vfpclasssh = Mnemonic("vfpclasssh")
vfpclassss = Mnemonic("vfpclassss")
vfrczpd = Mnemonic("vfrczpd")
vfrczps = Mnemonic("vfrczps")
vfrczsd = Mnemonic("vfrczsd")
vfrczss = Mnemonic("vfrczss")
vgatherdpd = Mnemonic("vgatherdpd")
vgatherdps = Mnemonic("vgatherdps")
vgatherqpd = Mnemonic("vgatherqpd")
vgatherqps = Mnemonic("vgatherqps")
vgetexppd = Mnemonic("vgetexppd")
vgetexpph = Mnemonic("vgetexpph")
vgetexpps = Mnemonic("vgetexpps")
vgetexpsd = Mnemonic("vgetexpsd")
vgetexpsh = Mnemonic("vgetexpsh")
vgetexpss = Mnemonic("vgetexpss")
vgetmantpd = Mnemonic("vgetmantpd")
vgetmantph = Mnemonic("vgetmantph")
vgetmantps = Mnemonic("vgetmantps")
vgetmantsd = Mnemonic("vgetmantsd")
vgetmantsh = Mnemonic("vgetmantsh")
vgetmantss = Mnemonic("vgetmantss")
vgf2p8affineinvqb = Mnemonic("vgf2p8affineinvqb")
vgf2p8affineqb = Mnemonic("vgf2p8affineqb")
vgf2p8mulb = Mnemonic("vgf2p8mulb")
vhaddpd = Mnemonic("vhaddpd")
vhaddps = Mnemonic("vhaddps")
vhsubpd = Mnemonic("vhsubpd")
vhsubps = Mnemonic("vhsubps")
vinsertf128 = Mnemonic("vinsertf128")
vinsertf32x4 = Mnemonic("vinsertf32x4")
vinsertf32x8 = Mnemonic("vinsertf32x8")
vinsertf64x2 = Mnemonic("vinsertf64x2")
vinsertf64x4 = Mnemonic("vinsertf64x4")
vinserti128 = Mnemonic("vinserti128")
vinserti32x4 = Mnemonic("vinserti32x4")
vinserti32x8 = Mnemonic("vinserti32x8")
vinserti64x2 = Mnemonic("vinserti64x2")
vinserti64x4 = Mnemonic("vinserti64x4")
vinsertps = Mnemonic("vinsertps")
vlddqu = Mnemonic("vlddqu")
vldmxcsr = Mnemonic("vldmxcsr")
vmaskmovdqu = Mnemonic("vmaskmovdqu")
vmaskmovpd = Mnemonic("vmaskmovpd")
vmaskmovps = Mnemonic("vmaskmovps")
vmaxpd = Mnemonic("vmaxpd")
vmaxph = Mnemonic("vmaxph")
vmaxps = Mnemonic("vmaxps")
vmaxsd = Mnemonic("vmaxsd")
vmaxsh = Mnemonic("vmaxsh")
vmaxss = Mnemonic("vmaxss")
vmcall = Mnemonic("vmcall")
vmclear = Mnemonic("vmclear")
vmfunc = Mnemonic("vmfunc")
vmgexit = Mnemonic("vmgexit")
vminpd = Mnemonic("vminpd")
vminph = Mnemonic("vminph")
vminps = Mnemonic("vminps")
vminsd = Mnemonic("vminsd")
vminsh = Mnemonic("vminsh")
vminss = Mnemonic("vminss")
vmlaunch = Mnemonic("vmlaunch")
vmload = Mnemonic("vmload")
vmmcall = Mnemonic("vmmcall")
vmovapd = Mnemonic("vmovapd")
vmovaps = Mnemonic("vmovaps")
vmovd = Mnemonic("vmovd")
vmovddup = Mnemonic("vmovddup")
vmovdqa = Mnemonic("vmovdqa")
vmovdqa32 = Mnemonic("vmovdqa32")
vmovdqa64 = Mnemonic("vmovdqa64")
vmovdqu = Mnemonic("vmovdqu")
vmovdqu16 = Mnemonic("vmovdqu16")
vmovdqu32 = Mnemonic("vmovdqu32")
vmovdqu64 = Mnemonic("vmovdqu64")
vmovdqu8 = Mnemonic("vmovdqu8")
vmovhlps = Mnemonic("vmovhlps")
vmovhpd = Mnemonic("vmovhpd")
vmovhps = Mnemonic("vmovhps")
vmovlhps = Mnemonic("vmovlhps")
vmovlpd = Mnemonic("vmovlpd")
vmovlps = Mnemonic("vmovlps")
vmovmskpd = Mnemonic("vmovmskpd")
vmovmskps = Mnemonic("vmovmskps")
vmovntdq = Mnemonic("vmovntdq")
vmovntdqa = Mnemonic("vmovntdqa")
vmovntpd = Mnemonic("vmovntpd")
vmovntps = Mnemonic("vmovntps")
vmovq = Mnemonic("vmovq")
vmovsd = Mnemonic("vmovsd")
vmovsh = Mnemonic("vmovsh")
vmovshdup = Mnemonic("vmovshdup")
vmovsldup = Mnemonic("vmovsldup")
vmovss = Mnemonic("vmovss")
vmovupd = Mnemonic("vmovupd")
vmovups = Mnemonic("vmovups")
vmovw = Mnemonic("vmovw")
vmpsadbw = Mnemonic("vmpsadbw")
vmptrld = Mnemonic("vmptrld")
vmptrst = Mnemonic("vmptrst")
vmread = Mnemonic("vmread")
vmresume = Mnemonic("vmresume")
vmrun = Mnemonic("vmrun")
vmsave = Mnemonic("vmsave")
vmulpd = Mnemonic("vmulpd")
vmulph = Mnemonic("vmulph")
vmulps = Mnemonic("vmulps")
vmulsd = Mnemonic("vmulsd")
vmulsh = Mnemonic("vmulsh")
vmulss = Mnemonic("vmulss")
vmwrite = Mnemonic("vmwrite")
vmxoff = Mnemonic("vmxoff")
vmxon = Mnemonic("vmxon")
vorpd = Mnemonic("vorpd")
vorps = Mnemonic("vorps")
vpabsb = Mnemonic("vpabsb")
vpabsd = Mnemonic("vpabsd")
vpabsq = Mnemonic("vpabsq")
vpabsw = Mnemonic("vpabsw")
vpackssdw = Mnemonic("vpackssdw")
vpacksswb = Mnemonic("vpacksswb")
vpackusdw = Mnemonic("vpackusdw")
vpackuswb = Mnemonic("vpackuswb")
vpaddb = Mnemonic("vpaddb")
vpaddd = Mnemonic("vpaddd")
vpaddq = Mnemonic("vpaddq")
vpaddsb = Mnemonic("vpaddsb")
vpaddsw = Mnemonic("vpaddsw")
vpaddusb = Mnemonic("vpaddusb")
vpaddusw = Mnemonic("vpaddusw")
vpaddw = Mnemonic("vpaddw")
vpalignr = Mnemonic("vpalignr")
vpand = Mnemonic("vpand")
vpandd = Mnemonic("vpandd")
vpandn = Mnemonic("vpandn")
vpandnd = Mnemonic("vpandnd")
vpandnq = Mnemonic("vpandnq")
vpandq = Mnemonic("vpandq")
vpavgb = Mnemonic("vpavgb")
vpavgw = Mnemonic("vpavgw")
vpblendd = Mnemonic("vpblendd")
vpblendmb = Mnemonic("vpblendmb")
vpblendmd = Mnemonic("vpblendmd")
vpblendmq = Mnemonic("vpblendmq")
vpblendmw = Mnemonic("vpblendmw")
vpblendvb = Mnemonic("vpblendvb")
vpblendw = Mnemonic("vpblendw")
vpbroadcastb = Mnemonic("vpbroadcastb")
vpbroadcastd = Mnemonic("vpbroadcastd")
vpbroadcastmb2q = Mnemonic("vpbroadcastmb2q")
vpbroadcastmw2d = Mnemonic("vpbroadcastmw2d")
vpbroadcastq = Mnemonic("vpbroadcastq")
vpbroadcastw = Mnemonic("vpbroadcastw")
vpclmulqdq = Mnemonic("vpclmulqdq")
vpcmov = Mnemonic("vpcmov")
vpcmpb = Mnemonic("vpcmpb")
vpcmpd = Mnemonic("vpcmpd")
vpcmpeqb = Mnemonic("vpcmpeqb")
vpcmpeqd = Mnemonic("vpcmpeqd")
vpcmpeqq = Mnemonic("vpcmpeqq")
vpcmpeqw = Mnemonic("vpcmpeqw")
vpcmpestri = Mnemonic("vpcmpestri")
vpcmpestri64 = Mnemonic("vpcmpestri64")
vpcmpestrm = Mnemonic("vpcmpestrm")
vpcmpestrm64 = Mnemonic("vpcmpestrm64")
vpcmpgtb = Mnemonic("vpcmpgtb")
vpcmpgtd = Mnemonic("vpcmpgtd")
vpcmpgtq = Mnemonic("vpcmpgtq")
vpcmpgtw = Mnemonic("vpcmpgtw")
vpcmpistri = Mnemonic("vpcmpistri")
vpcmpistrm = Mnemonic("vpcmpistrm")
vpcmpq = Mnemonic("vpcmpq")
vpcmpub = Mnemonic("vpcmpub")
vpcmpud = Mnemonic("vpcmpud")
vpcmpuq = Mnemonic("vpcmpuq")
vpcmpuw = Mnemonic("vpcmpuw")
vpcmpw = Mnemonic("vpcmpw")
vpcomb = Mnemonic("vpcomb")
vpcomd = Mnemonic("vpcomd")
vpcompressb = Mnemonic("vpcompressb")
vpcompressd = Mnemonic("vpcompressd")
vpcompressq = Mnemonic("vpcompressq")
vpcompressw = Mnemonic("vpcompressw")
vpcomq = Mnemonic("vpcomq")
vpcomub = Mnemonic("vpcomub")
vpcomud = Mnemonic("vpcomud")
vpcomuq = Mnemonic("vpcomuq")
vpcomuw = Mnemonic("vpcomuw")
vpcomw = Mnemonic("vpcomw")
vpconflictd = Mnemonic("vpconflictd")
vpconflictq = Mnemonic("vpconflictq")
vpdpbssd = Mnemonic("vpdpbssd")
vpdpbssds = Mnemonic("vpdpbssds")
vpdpbsud = Mnemonic("vpdpbsud")
vpdpbsuds = Mnemonic("vpdpbsuds")
vpdpbusd = Mnemonic("vpdpbusd")
vpdpbusds = Mnemonic("vpdpbusds")
vpdpbuud = Mnemonic("vpdpbuud")
vpdpbuuds = Mnemonic("vpdpbuuds")
vpdpwssd = Mnemonic("vpdpwssd")
vpdpwssds = Mnemonic("vpdpwssds")
vpdpwsud = Mnemonic("vpdpwsud")
vpdpwsuds = Mnemonic("vpdpwsuds")
vpdpwusd = Mnemonic("vpdpwusd")
vpdpwusds = Mnemonic("vpdpwusds")
vpdpwuud = Mnemonic("vpdpwuud")
vpdpwuuds = Mnemonic("vpdpwuuds")
vperm2f128 = Mnemonic("vperm2f128")
vperm2i128 = Mnemonic("vperm2i128")
vpermb = Mnemonic("vpermb")
vpermd = Mnemonic("vpermd")
vpermi2b = Mnemonic("vpermi2b")
vpermi2d = Mnemonic("vpermi2d")
vpermi2pd = Mnemonic("vpermi2pd")
vpermi2ps = Mnemonic("vpermi2ps")
vpermi2q = Mnemonic("vpermi2q")
vpermi2w = Mnemonic("vpermi2w")
vpermilpd = Mnemonic("vpermilpd")
vpermilps = Mnemonic("vpermilps")
vpermpd = Mnemonic("vpermpd")
vpermps = Mnemonic("vpermps")
vpermq = Mnemonic("vpermq")
vpermt2b = Mnemonic("vpermt2b")
vpermt2d = Mnemonic("vpermt2d")
vpermt2pd = Mnemonic("vpermt2pd")
vpermt2ps = Mnemonic("vpermt2ps")
vpermt2q = Mnemonic("vpermt2q")
vpermt2w = Mnemonic("vpermt2w")
vpermw = Mnemonic("vpermw")
vpexpandb = Mnemonic("vpexpandb")
vpexpandd = Mnemonic("vpexpandd")
vpexpandq = Mnemonic("vpexpandq")
vpexpandw = Mnemonic("vpexpandw")
vpextrb = Mnemonic("vpextrb")
vpextrd = Mnemonic("vpextrd")
vpextrq = Mnemonic("vpextrq")
vpextrw = Mnemonic("vpextrw")
vpgatherdd = Mnemonic("vpgatherdd")
vpgatherdq = Mnemonic("vpgatherdq")
vpgatherqd = Mnemonic("vpgatherqd")
vpgatherqq = Mnemonic("vpgatherqq")
vphaddbd = Mnemonic("vphaddbd")
vphaddbq = Mnemonic("vphaddbq")
vphaddbw = Mnemonic("vphaddbw")
vphaddd = Mnemonic("vphaddd")
vphadddq = Mnemonic("vphadddq")
vphaddsw = Mnemonic("vphaddsw")
vphaddubd = Mnemonic("vphaddubd")
vphaddubq = Mnemonic("vphaddubq")
vphaddubw = Mnemonic("vphaddubw")
vphaddudq = Mnemonic("vphaddudq")
vphadduwd = Mnemonic("vphadduwd")
vphadduwq = Mnemonic("vphadduwq")
vphaddw = Mnemonic("vphaddw")
vphaddwd = Mnemonic("vphaddwd")
vphaddwq = Mnemonic("vphaddwq")
vphminposuw = Mnemonic("vphminposuw")
vphsubbw = Mnemonic("vphsubbw")
vphsubd = Mnemonic("vphsubd")
vphsubdq = Mnemonic("vphsubdq")
vphsubsw = Mnemonic("vphsubsw")
vphsubw = Mnemonic("vphsubw")
vphsubwd = Mnemonic("vphsubwd")
vpinsrb = Mnemonic("vpinsrb")
vpinsrd = Mnemonic("vpinsrd")
vpinsrq = Mnemonic("vpinsrq")
vpinsrw = Mnemonic("vpinsrw")
vplzcntd = Mnemonic("vplzcntd")
vplzcntq = Mnemonic("vplzcntq")
vpmacsdd = Mnemonic("vpmacsdd")
vpmacsdqh = Mnemonic("vpmacsdqh")
vpmacsdql = Mnemonic("vpmacsdql")
vpmacssdd = Mnemonic("vpmacssdd")
vpmacssdqh = Mnemonic("vpmacssdqh")
vpmacssdql = Mnemonic("vpmacssdql")
vpmacsswd = Mnemonic("vpmacsswd")
vpmacssww = Mnemonic("vpmacssww")
vpmacswd = Mnemonic("vpmacswd")
vpmacsww = Mnemonic("vpmacsww")
vpmadcsswd = Mnemonic("vpmadcsswd")
vpmadcswd = Mnemonic("vpmadcswd")
vpmadd52huq = Mnemonic("vpmadd52huq")
vpmadd52luq = Mnemonic("vpmadd52luq")
vpmaddubsw = Mnemonic("vpmaddubsw")
vpmaddwd = Mnemonic("vpmaddwd")
vpmaskmovd = Mnemonic("vpmaskmovd")
vpmaskmovq = Mnemonic("vpmaskmovq")
vpmaxsb = Mnemonic("vpmaxsb")
vpmaxsd = Mnemonic("vpmaxsd")
vpmaxsq = Mnemonic("vpmaxsq")
vpmaxsw = Mnemonic("vpmaxsw")
vpmaxub = Mnemonic("vpmaxub")
vpmaxud = Mnemonic("vpmaxud")
vpmaxuq = Mnemonic("vpmaxuq")
vpmaxuw = Mnemonic("vpmaxuw")
vpminsb = Mnemonic("vpminsb")
vpminsd = Mnemonic("vpminsd")
vpminsq = Mnemonic("vpminsq")
vpminsw = Mnemonic("vpminsw")
vpminub = Mnemonic("vpminub")
vpminud = Mnemonic("vpminud")
vpminuq = Mnemonic("vpminuq")
vpminuw = Mnemonic("vpminuw")
vpmovb2m = Mnemonic("vpmovb2m")
vpmovd2m = Mnemonic("vpmovd2m")
vpmovdb = Mnemonic("vpmovdb")
vpmovdw = Mnemonic("vpmovdw")
vpmovm2b = Mnemonic("vpmovm2b")
vpmovm2d = Mnemonic("vpmovm2d")
vpmovm2q = Mnemonic("vpmovm2q")
vpmovm2w = Mnemonic("vpmovm2w")
vpmovmskb = Mnemonic("vpmovmskb")
vpmovq2m = Mnemonic("vpmovq2m")
vpmovqb = Mnemonic("vpmovqb")
vpmovqd = Mnemonic("vpmovqd")
vpmovqw = Mnemonic("vpmovqw")
vpmovsdb = Mnemonic("vpmovsdb")
vpmovsdw = Mnemonic("vpmovsdw")
vpmovsqb = Mnemonic("vpmovsqb")
vpmovsqd = Mnemonic("vpmovsqd")
vpmovsqw = Mnemonic("vpmovsqw")
vpmovswb = Mnemonic("vpmovswb")
vpmovsxbd = Mnemonic("vpmovsxbd")
vpmovsxbq = Mnemonic("vpmovsxbq")
vpmovsxbw = Mnemonic("vpmovsxbw")
vpmovsxdq = Mnemonic("vpmovsxdq")
vpmovsxwd = Mnemonic("vpmovsxwd")
vpmovsxwq = Mnemonic("vpmovsxwq")
vpmovusdb = Mnemonic("vpmovusdb")
vpmovusdw = Mnemonic("vpmovusdw")
vpmovusqb = Mnemonic("vpmovusqb")
vpmovusqd = Mnemonic("vpmovusqd")
vpmovusqw = Mnemonic("vpmovusqw")
vpmovuswb = Mnemonic("vpmovuswb")
vpmovw2m = Mnemonic("vpmovw2m")
vpmovwb = Mnemonic("vpmovwb")
vpmovzxbd = Mnemonic("vpmovzxbd")
vpmovzxbq = Mnemonic("vpmovzxbq")
vpmovzxbw = Mnemonic("vpmovzxbw")
vpmovzxdq = Mnemonic("vpmovzxdq")
vpmovzxwd = Mnemonic("vpmovzxwd")
vpmovzxwq = Mnemonic("vpmovzxwq")
vpmuldq = Mnemonic("vpmuldq")
vpmulhrsw = Mnemonic("vpmulhrsw")
vpmulhuw = Mnemonic("vpmulhuw")
vpmulhw = Mnemonic("vpmulhw")
vpmulld = Mnemonic("vpmulld")
vpmullq = Mnemonic("vpmullq")
vpmullw = Mnemonic("vpmullw")
vpmultishiftqb = Mnemonic("vpmultishiftqb")
vpmuludq = Mnemonic("vpmuludq")
vpopcntb = Mnemonic("vpopcntb")
vpopcntd = Mnemonic("vpopcntd")
vpopcntq = Mnemonic("vpopcntq")
vpopcntw = Mnemonic("vpopcntw")
vpor = Mnemonic("vpor")
vpord = Mnemonic("vpord")
vporq = Mnemonic("vporq")
vpperm = Mnemonic("vpperm")
vprold = Mnemonic("vprold")
vprolq = Mnemonic("vprolq")
vprolvd = Mnemonic("vprolvd")
vprolvq = Mnemonic("vprolvq")
vprord = Mnemonic("vprord")
vprorq = Mnemonic("vprorq")
vprorvd = Mnemonic("vprorvd")
vprorvq = Mnemonic("vprorvq")
vprotb = Mnemonic("vprotb")
vprotd = Mnemonic("vprotd")
vprotq = Mnemonic("vprotq")
vprotw = Mnemonic("vprotw")
vpsadbw = Mnemonic("vpsadbw")
vpshab = Mnemonic("vpshab")
vpshad = Mnemonic("vpshad")
vpshaq = Mnemonic("vpshaq")
vpshaw = Mnemonic("vpshaw")
vpshlb = Mnemonic("vpshlb")
vpshld = Mnemonic("vpshld")
vpshldd = Mnemonic("vpshldd")
vpshldq = Mnemonic("vpshldq")
vpshldvd = Mnemonic("vpshldvd")
vpshldvq = Mnemonic("vpshldvq")
vpshldvw = Mnemonic("vpshldvw")
vpshldw = Mnemonic("vpshldw")
vpshlq = Mnemonic("vpshlq")
vpshlw = Mnemonic("vpshlw")
vpshrdd = Mnemonic("vpshrdd")
vpshrdq = Mnemonic("vpshrdq")
vpshrdvd = Mnemonic("vpshrdvd")
vpshrdvq = Mnemonic("vpshrdvq")
vpshrdvw = Mnemonic("vpshrdvw")
vpshrdw = Mnemonic("vpshrdw")
vpshufb = Mnemonic("vpshufb")
vpshufbitqmb = Mnemonic("vpshufbitqmb")
vpshufd = Mnemonic("vpshufd")
vpshufhw = Mnemonic("vpshufhw")
vpshuflw = Mnemonic("vpshuflw")
vpsignb = Mnemonic("vpsignb")
vpsignd = Mnemonic("vpsignd")
vpsignw = Mnemonic("vpsignw")
vpslld = Mnemonic("vpslld")
vpslldq = Mnemonic("vpslldq")
vpsllq = Mnemonic("vpsllq")
vpsllvd = Mnemonic("vpsllvd")
vpsllvq = Mnemonic("vpsllvq")
vpsllvw = Mnemonic("vpsllvw")
vpsllw = Mnemonic("vpsllw")
vpsrad = Mnemonic("vpsrad")
vpsraq = Mnemonic("vpsraq")
vpsravd = Mnemonic("vpsravd")
vpsravq = Mnemonic("vpsravq")
vpsravw = Mnemonic("vpsravw")
vpsraw = Mnemonic("vpsraw")
vpsrld = Mnemonic("vpsrld")
vpsrldq = Mnemonic("vpsrldq")
vpsrlq = Mnemonic("vpsrlq")
vpsrlvd = Mnemonic("vpsrlvd")
vpsrlvq = Mnemonic("vpsrlvq")
vpsrlvw = Mnemonic("vpsrlvw")
vpsrlw = Mnemonic("vpsrlw")
vpsubb = Mnemonic("vpsubb")
vpsubd = Mnemonic("vpsubd")
vpsubq = Mnemonic("vpsubq")
vpsubsb = Mnemonic("vpsubsb")
vpsubsw = Mnemonic("vpsubsw")
vpsubusb = Mnemonic("vpsubusb")
vpsubusw = Mnemonic("vpsubusw")
vpsubw = Mnemonic("vpsubw")
vpternlogd = Mnemonic("vpternlogd")
vpternlogq = Mnemonic("vpternlogq")
vptest = Mnemonic("vptest")
vptestmb = Mnemonic("vptestmb")
vptestmd = Mnemonic("vptestmd")
vptestmq = Mnemonic("vptestmq")
vptestmw = Mnemonic("vptestmw")
vptestnmb = Mnemonic("vptestnmb")
vptestnmd = Mnemonic("vptestnmd")
vptestnmq = Mnemonic("vptestnmq")
vptestnmw = Mnemonic("vptestnmw")
vpunpckhbw = Mnemonic("vpunpckhbw")
vpunpckhdq = Mnemonic("vpunpckhdq")
vpunpckhqdq = Mnemonic("vpunpckhqdq")
vpunpckhwd = Mnemonic("vpunpckhwd")
vpunpcklbw = Mnemonic("vpunpcklbw")
vpunpckldq = Mnemonic("vpunpckldq")
vpunpcklqdq = Mnemonic("vpunpcklqdq")
vpunpcklwd = Mnemonic("vpunpcklwd")
vpxor = Mnemonic("vpxor")
vpxord = Mnemonic("vpxord")
vpxorq = Mnemonic("vpxorq")
vrangepd = Mnemonic("vrangepd")
vrangeps = Mnemonic("vrangeps")
vrangesd = Mnemonic("vrangesd")
vrangess = Mnemonic("vrangess")
vrcp14pd = Mnemonic("vrcp14pd")
vrcp14ps = Mnemonic("vrcp14ps")
vrcp14sd = Mnemonic("vrcp14sd")
vrcp14ss = Mnemonic("vrcp14ss")
vrcp28pd = Mnemonic("vrcp28pd")
vrcp28ps = Mnemonic("vrcp28ps")
vrcp28sd = Mnemonic("vrcp28sd")
vrcp28ss = Mnemonic("vrcp28ss")
vrcpph = Mnemonic("vrcpph")
vrcpps = Mnemonic("vrcpps")
vrcpsh = Mnemonic("vrcpsh")
vrcpss = Mnemonic("vrcpss")
vreducepd = Mnemonic("vreducepd")
vreduceph = Mnemonic("vreduceph")
vreduceps = Mnemonic("vreduceps")
vreducesd = Mnemonic("vreducesd")
vreducesh = Mnemonic("vreducesh")
vreducess = Mnemonic("vreducess")
vrndscalepd = Mnemonic("vrndscalepd")
vrndscaleph = Mnemonic("vrndscaleph")
vrndscaleps = Mnemonic("vrndscaleps")
vrndscalesd = Mnemonic("vrndscalesd")
vrndscalesh = Mnemonic("vrndscalesh")
vrndscaless = Mnemonic("vrndscaless")
vroundpd = Mnemonic("vroundpd")
vroundps = Mnemonic("vroundps")
vroundsd = Mnemonic("vroundsd")
vroundss = Mnemonic("vroundss")
vrsqrt14pd = Mnemonic("vrsqrt14pd")
vrsqrt14ps = Mnemonic("vrsqrt14ps")
vrsqrt14sd = Mnemonic("vrsqrt14sd")
vrsqrt14ss = Mnemonic("vrsqrt14ss")
vrsqrt28pd = Mnemonic("vrsqrt28pd")
vrsqrt28ps = Mnemonic("vrsqrt28ps")
vrsqrt28sd = Mnemonic("vrsqrt28sd")
vrsqrt28ss = Mnemonic("vrsqrt28ss")
vrsqrtph = Mnemonic("vrsqrtph")
vrsqrtps = Mnemonic("vrsqrtps")
vrsqrtsh = Mnemonic("vrsqrtsh")
vrsqrtss = Mnemonic("vrsqrtss")
vscalefpd = Mnemonic("vscalefpd")
vscalefph = Mnemonic("vscalefph")
vscalefps = Mnemonic("vscalefps")
vscalefsd = Mnemonic("vscalefsd")
vscalefsh = Mnemonic("vscalefsh")
vscalefss = Mnemonic("vscalefss")
vsha512msg1 = Mnemonic("vsha512msg1")
vsha512msg2 = Mnemonic("vsha512msg2")
vsha512rnds2 = Mnemonic("vsha512rnds2")
vshuff32x4 = Mnemonic("vshuff32x4")
vshuff64x2 = Mnemonic("vshuff64x2")
vshufi32x4 = Mnemonic("vshufi32x4")
vshufi64x2 = Mnemonic("vshufi64x2")
vshufpd = Mnemonic("vshufpd")
vshufps = Mnemonic("vshufps")
vsm3msg1 = Mnemonic("vsm3msg1")
vsm3msg2 = Mnemonic("vsm3msg2")
vsm3rnds2 = Mnemonic("vsm3rnds2")
vsm4key4 = Mnemonic("vsm4key4")
vsm4rnds4 = Mnemonic("vsm4rnds4")
vsqrtpd = Mnemonic("vsqrtpd")
vsqrtph = Mnemonic("vsqrtph")
vsqrtps = Mnemonic("vsqrtps")
vsqrtsd = Mnemonic("vsqrtsd")
vsqrtsh = Mnemonic("vsqrtsh")
vsqrtss = Mnemonic("vsqrtss")
vstmxcsr = Mnemonic("vstmxcsr")
vsubpd = Mnemonic("vsubpd")
vsubph = Mnemonic("vsubph")
vsubps = Mnemonic("vsubps")
vsubsd = Mnemonic("vsubsd")
vsubsh = Mnemonic("vsubsh")
vsubss = Mnemonic("vsubss")
vtestpd = Mnemonic("vtestpd")
vtestps = Mnemonic("vtestps")
vucomisd = Mnemonic("vucomisd")
vucomish = Mnemonic("vucomish")
vucomiss = Mnemonic("vucomiss")
vunpckhpd = Mnemonic("vunpckhpd")
vunpckhps = Mnemonic("vunpckhps")
vunpcklpd = Mnemonic("vunpcklpd")
vunpcklps = Mnemonic("vunpcklps")
vxorpd = Mnemonic("vxorpd")
vxorps = Mnemonic("vxorps")
vzeroall = Mnemonic("vzeroall")
vzeroupper = Mnemonic("vzeroupper")
wait = Mnemonic("wait")
wbinvd = Mnemonic("wbinvd")
wbnoinvd = Mnemonic("wbnoinvd")
wrfsbase = Mnemonic("wrfsbase")
wrgsbase = Mnemonic("wrgsbase")
wrmsr = Mnemonic("wrmsr")
wrmsrlist = Mnemonic("wrmsrlist")
wrmsrns = Mnemonic("wrmsrns")
wrpkru = Mnemonic("wrpkru")
wrssd = Mnemonic("wrssd")
wrssq = Mnemonic("wrssq")
wrussd = Mnemonic("wrussd")
wrussq = Mnemonic("wrussq")
xabort = Mnemonic("xabort")
xadd = Mnemonic("xadd")
xbegin = Mnemonic("xbegin")
xchg = Mnemonic("xchg")
xcryptcbc = Mnemonic("xcryptcbc")
xcryptcfb = Mnemonic("xcryptcfb")
xcryptctr = Mnemonic("xcryptctr")
xcryptecb = Mnemonic("xcryptecb")
xcryptofb = Mnemonic("xcryptofb")
xend = Mnemonic("xend")
xgetbv = Mnemonic("xgetbv")
xlat = Mnemonic("xlat")
xlatb = Mnemonic("xlatb")
xor = Mnemonic("xor")
xorpd = Mnemonic("xorpd")
xorps = Mnemonic("xorps")
xresldtrk = Mnemonic("xresldtrk")
xrstor = Mnemonic("xrstor")
xrstor64 = Mnemonic("xrstor64")
xrstors = Mnemonic("xrstors")
xrstors64 = Mnemonic("xrstors64")
xsave = Mnemonic("xsave")
xsave64 = Mnemonic("xsave64")
xsavec = Mnemonic("xsavec")
xsavec64 = Mnemonic("xsavec64")
xsaveopt = Mnemonic("xsaveopt")
xsaveopt64 = Mnemonic("xsaveopt64")
xsaves = Mnemonic("xsaves")
xsaves64 = Mnemonic("xsaves64")
xsetbv = Mnemonic("xsetbv")
xsha1 = Mnemonic("xsha1")
xsha256 = Mnemonic("xsha256")
xsha512 = Mnemonic("xsha512")
xsha512_alt = Mnemonic("xsha512_alt")
xstore = Mnemonic("xstore")
xstore_alt = Mnemonic("xstore_alt")
xsusldtrk = Mnemonic("xsusldtrk")
xtest = Mnemonic("xtest")

__all__ = [
    "aaa",
    "aad",
    "aadd",
    "aam",
    "aand",
    "aas",
    "adc",
    "adcx",
    "add",
    "addpd",
    "addps",
    "addsd",
    "addss",
    "addsubpd",
    "addsubps",
    "adox",
    "aesdec",
    "aesdec128kl",
    "aesdec256kl",
    "aesdeclast",
    "aesdecwide128kl",
    "aesdecwide256kl",
    "aesenc",
    "aesenc128kl",
    "aesenc256kl",
    "aesenclast",
    "aesencwide128kl",
    "aesencwide256kl",
    "aesimc",
    "aeskeygenassist",
    "and_",
    "andn",
    "andnpd",
    "andnps",
    "andpd",
    "andps",
    "aor",
    "arpl",
    "axor",
    "bextr",
    "blcfill",
    "blci",
    "blcic",
    "blcmsk",
    "blcs",
    "blendpd",
    "blendps",
    "blendvpd",
    "blendvps",
    "blsfill",
    "blsi",
    "blsic",
    "blsmsk",
    "blsr",
    "bound",
    "bsf",
    "bsr",
    "bswap",
    "bt",
    "btc",
    "btr",
    "bts",
    "bzhi",
    "call",
    "callq",
    "cbw",
    "ccs_encrypt",
    "ccs_hash",
    "cdq",
    "cdqe",
    "clac",
    "clc",
    "cld",
    "cldemote",
    "clflush",
    "clflushopt",
    "clgi",
    "cli",
    "clrssbsy",
    "clts",
    "clui",
    "clwb",
    "clzero",
    "cmc",
    "cmova",
    "cmovae",
    "cmovb",
    "cmovbe",
    "cmovc",
    "cmove",
    "cmovg",
    "cmovge",
    "cmovl",
    "cmovle",
    "cmovna",
    "cmovnae",
    "cmovnb",
    "cmovnbe",
    "cmovnc",
    "cmovne",
    "cmovng",
    "cmovnge",
    "cmovnl",
    "cmovnle",
    "cmovno",
    "cmovnp",
    "cmovns",
    "cmovnz",
    "cmovo",
    "cmovp",
    "cmovpe",
    "cmovpo",
    "cmovs",
    "cmovz",
    "cmp",
    "cmpbexadd",
    "cmpbxadd",
    "cmplexadd",
    "cmplxadd",
    "cmpnbexadd",
    "cmpnbxadd",
    "cmpnlexadd",
    "cmpnlxadd",
    "cmpnoxadd",
    "cmpnpxadd",
    "cmpnsxadd",
    "cmpnzxadd",
    "cmpoxadd",
    "cmppd",
    "cmpps",
    "cmppxadd",
    "cmps",
    "cmpsb",
    "cmpsd",
    "cmpsq",
    "cmpss",
    "cmpsw",
    "cmpsxadd",
    "cmpxchg",
    "cmpxchg8b",
    "cmpxchg16b",
    "cmpzxadd",
    "comisd",
    "comiss",
    "cpuid",
    "cqo",
    "crc32",
    "cvtdq2pd",
    "cvtdq2ps",
    "cvtpd2dq",
    "cvtpd2pi",
    "cvtpd2ps",
    "cvtpi2pd",
    "cvtpi2ps",
    "cvtps2dq",
    "cvtps2pd",
    "cvtps2pi",
    "cvtsd2si",
    "cvtsd2ss",
    "cvtsi2sd",
    "cvtsi2ss",
    "cvtss2sd",
    "cvtss2si",
    "cvttpd2dq",
    "cvttpd2pi",
    "cvttps2dq",
    "cvttps2pi",
    "cvttsd2si",
    "cvttss2si",
    "cwd",
    "cwde",
    "daa",
    "das",
    "dec",
    "div",
    "divpd",
    "divps",
    "divsd",
    "divss",
    "dppd",
    "dpps",
    "emms",
    "encls",
    "enclu",
    "enclv",
    "encodekey128",
    "encodekey256",
    "endbr32",
    "endbr64",
    "enqcmd",
    "enqcmds",
    "enter",
    "erets",
    "eretu",
    "extractps",
    "extrq",
    "f2xm1",
    "fabs",
    "fadd",
    "faddp",
    "fbld",
    "fbstp",
    "fchs",
    "fclex",
    "fcmovb",
    "fcmovbe",
    "fcmove",
    "fcmovnb",
    "fcmovnbe",
    "fcmovne",
    "fcmovnu",
    "fcmovu",
    "fcom",
    "fcomi",
    "fcomip",
    "fcomp",
    "fcompp",
    "fcos",
    "fdecstp",
    "fdisi",
    "fdiv",
    "fdivp",
    "fdivr",
    "fdivrp",
    "femms",
    "feni",
    "ffree",
    "ffreep",
    "fiadd",
    "ficom",
    "ficomp",
    "fidiv",
    "fidivr",
    "fild",
    "fimul",
    "fincstp",
    "finit",
    "fist",
    "fistp",
    "fisttp",
    "fisub",
    "fisubr",
    "fld",
    "fld1",
    "fldcw",
    "fldenv",
    "fldl2e",
    "fldl2t",
    "fldlg2",
    "fldln2",
    "fldpi",
    "fldz",
    "fmul",
    "fmulp",
    "fnclex",
    "fndisi",
    "fneni",
    "fninit",
    "fnop",
    "fnsave",
    "fnsetpm",
    "fnstcw",
    "fnstenv",
    "fnstsw",
    "fpatan",
    "fprem",
    "fprem1",
    "fptan",
    "frndint",
    "frstor",
    "fsave",
    "fscale",
    "fsetpm",
    "fsin",
    "fsincos",
    "fsqrt",
    "fst",
    "fstcw",
    "fstenv",
    "fstp",
    "fstpnce",
    "fstsw",
    "fsub",
    "fsubp",
    "fsubr",
    "fsubrp",
    "ftst",
    "fucom",
    "fucomi",
    "fucomip",
    "fucomp",
    "fucompp",
    "fwait",
    "fxam",
    "fxch",
    "fxrstor",
    "fxrstor64",
    "fxsave",
    "fxsave64",
    "fxtract",
    "fyl2x",
    "fyl2xp1",
    "getsec",
    "getsecq",
    "gf2p8affineinvqb",
    "gf2p8affineqb",
    "gf2p8mulb",
    "haddpd",
    "haddps",
    "hlt",
    "hreset",
    "hsubpd",
    "hsubps",
    "icebp",
    "idiv",
    "imul",
    "in_",
    "inc",
    "incsspd",
    "incsspq",
    "ins",
    "insb",
    "insd",
    "insertps",
    "insertq",
    "insw",
    "int1",
    "int3",
    "int_",
    "into",
    "invd",
    "invept",
    "invlpg",
    "invlpga",
    "invlpgb",
    "invpcid",
    "invvpid",
    "iret",
    "iretd",
    "iretq",
    "iretw",
    "ja",
    "jae",
    "jb",
    "jbe",
    "jc",
    "jcxz",
    "je",
    "jecxz",
    "jg",
    "jge",
    "jl",
    "jle",
    "jmp",
    "jmpq",
    "jna",
    "jnae",
    "jnb",
    "jnbe",
    "jnc",
    "jne",
    "jng",
    "jnge",
    "jnl",
    "jnle",
    "jno",
    "jnp",
    "jns",
    "jnz",
    "jo",
    "jp",
    "jpe",
    "jpo",
    "jrcxz",
    "js",
    "jz",
    "kaddb",
    "kaddd",
    "kaddq",
    "kaddw",
    "kandb",
    "kandd",
    "kandnb",
    "kandnd",
    "kandnq",
    "kandnw",
    "kandq",
    "kandw",
    "kmovb",
    "kmovd",
    "kmovq",
    "kmovw",
    "knotb",
    "knotd",
    "knotq",
    "knotw",
    "korb",
    "kord",
    "korq",
    "kortestb",
    "kortestd",
    "kortestq",
    "kortestw",
    "korw",
    "kshiftlb",
    "kshiftld",
    "kshiftlq",
    "kshiftlw",
    "kshiftrb",
    "kshiftrd",
    "kshiftrq",
    "kshiftrw",
    "ktestb",
    "ktestd",
    "ktestq",
    "ktestw",
    "kunpckbw",
    "kunpckdq",
    "kunpckwd",
    "kxnorb",
    "kxnord",
    "kxnorq",
    "kxnorw",
    "kxorb",
    "kxord",
    "kxorq",
    "kxorw",
    "lahf",
    "lar",
    "lcall",
    "lddqu",
    "ldmxcsr",
    "lds",
    "ldtilecfg",
    "lea",
    "leave",
    "leaveq",
    "les",
    "lfence",
    "lfs",
    "lgdt",
    "lgs",
    "lidt",
    "ljmp",
    "lkgs",
    "lldt",
    "llwpcb",
    "lmsw",
    "loadiwkey",
    "lods",
    "lodsb",
    "lodsd",
    "lodsq",
    "lodsw",
    "loop_",
    "loope",
    "loopne",
    "loopnz",
    "loopz",
    "lret",
    "lretl",
    "lretq",
    "lretw",
    "lsl",
    "lss",
    "ltr",
    "lwpins",
    "lwpval",
    "lzcnt",
    "maskmovdqu",
    "maskmovq",
    "maxpd",
    "maxps",
    "maxsd",
    "maxss",
    "mcommit",
    "mfence",
    "minpd",
    "minps",
    "minsd",
    "minss",
    "monitor",
    "monitorx",
    "montmul",
    "mov",
    "movabs",
    "movapd",
    "movaps",
    "movbe",
    "movd",
    "movddup",
    "movdir64b",
    "movdiri",
    "movdq2q",
    "movdqa",
    "movdqu",
    "movhlps",
    "movhpd",
    "movhps",
    "movlhps",
    "movlpd",
    "movlps",
    "movmskpd",
    "movmskps",
    "movntdq",
    "movntdqa",
    "movnti",
    "movntpd",
    "movntps",
    "movntq",
    "movntsd",
    "movntss",
    "movq",
    "movq2dq",
    "movs",
    "movsb",
    "movsd",
    "movshdup",
    "movsldup",
    "movsq",
    "movss",
    "movsw",
    "movsx",
    "movsxd",
    "movupd",
    "movups",
    "movzx",
    "mpsadbw",
    "mul",
    "mulpd",
    "mulps",
    "mulsd",
    "mulss",
    "mulx",
    "mwait",
    "mwaitx",
    "neg",
    "nop",
    "not_",
    "or_",
    "orpd",
    "orps",
    "out",
    "outs",
    "outsb",
    "outsd",
    "outsw",
    "pabsb",
    "pabsd",
    "pabsw",
    "packssdw",
    "packsswb",
    "packusdw",
    "packuswb",
    "paddb",
    "paddd",
    "paddq",
    "paddsb",
    "paddsw",
    "paddusb",
    "paddusw",
    "paddw",
    "palignr",
    "pand",
    "pandn",
    "pause",
    "pavgb",
    "pavgusb",
    "pavgw",
    "pblendvb",
    "pblendw",
    "pbndkb",
    "pclmulqdq",
    "pcmpeqb",
    "pcmpeqd",
    "pcmpeqq",
    "pcmpeqw",
    "pcmpestri",
    "pcmpestri64",
    "pcmpestrm",
    "pcmpestrm64",
    "pcmpgtb",
    "pcmpgtd",
    "pcmpgtq",
    "pcmpgtw",
    "pcmpistri",
    "pcmpistrm",
    "pconfig",
    "pdep",
    "pext",
    "pextrb",
    "pextrd",
    "pextrq",
    "pextrw",
    "pf2id",
    "pf2iw",
    "pfacc",
    "pfadd",
    "pfcmpeq",
    "pfcmpge",
    "pfcmpgt",
    "pfmax",
    "pfmin",
    "pfmul",
    "pfnacc",
    "pfpnacc",
    "pfrcp",
    "pfrcpit1",
    "pfrcpit2",
    "pfrsqit1",
    "pfrsqrt",
    "pfsub",
    "pfsubr",
    "phaddd",
    "phaddsw",
    "phaddw",
    "phminposuw",
    "phsubd",
    "phsubsw",
    "phsubw",
    "pi2fd",
    "pi2fw",
    "pinsrb",
    "pinsrd",
    "pinsrq",
    "pinsrw",
    "pmaddubsw",
    "pmaddwd",
    "pmaxsb",
    "pmaxsd",
    "pmaxsw",
    "pmaxub",
    "pmaxud",
    "pmaxuw",
    "pminsb",
    "pminsd",
    "pminsw",
    "pminub",
    "pminud",
    "pminuw",
    "pmovmskb",
    "pmovsxbd",
    "pmovsxbq",
    "pmovsxbw",
    "pmovsxdq",
    "pmovsxwd",
    "pmovsxwq",
    "pmovzxbd",
    "pmovzxbq",
    "pmovzxbw",
    "pmovzxdq",
    "pmovzxwd",
    "pmovzxwq",
    "pmuldq",
    "pmulhrsw",
    "pmulhrw",
    "pmulhuw",
    "pmulhw",
    "pmulld",
    "pmullw",
    "pmuludq",
    "pop",
    "popa",
    "popad",
    "popaw",
    "popcnt",
    "popf",
    "popfd",
    "popfq",
    "popfw",
    "popq",
    "por",
    "prefetch",
    "prefetchit0",
    "prefetchit1",
    "prefetchnta",
    "prefetcht0",
    "prefetcht1",
    "prefetcht2",
    "prefetchw",
    "prefetchwt1",
    "psadbw",
    "pshufb",
    "pshufd",
    "pshufhw",
    "pshuflw",
    "pshufw",
    "psignb",
    "psignd",
    "psignw",
    "pslld",
    "pslldq",
    "psllq",
    "psllw",
    "psmash",
    "psrad",
    "psraw",
    "psrld",
    "psrldq",
    "psrlq",
    "psrlw",
    "psubb",
    "psubd",
    "psubq",
    "psubsb",
    "psubsw",
    "psubusb",
    "psubusw",
    "psubw",
    "pswapd",
    "ptest",
    "ptwrite",
    "punpckhbw",
    "punpckhdq",
    "punpckhqdq",
    "punpckhwd",
    "punpcklbw",
    "punpckldq",
    "punpcklqdq",
    "punpcklwd",
    "push",
    "pusha",
    "pushad",
    "pushaw",
    "pushf",
    "pushfd",
    "pushfq",
    "pushfw",
    "pushq",
    "pvalidate",
    "pxor",
    "rcl",
    "rcpps",
    "rcpss",
    "rcr",
    "rdfsbase",
    "rdgsbase",
    "rdmsr",
    "rdmsrlist",
    "rdpid",
    "rdpkru",
    "rdpmc",
    "rdpru",
    "rdrand",
    "rdseed",
    "rdsspd",
    "rdsspq",
    "rdtsc",
    "rdtscp",
    "retf",
    "retfd",
    "retfq",
    "retfw",
    "retq",
    "retw",
    "rmpadjust",
    "rmpquery",
    "rmpupdate",
    "rol",
    "ror",
    "rorx",
    "roundpd",
    "roundps",
    "roundsd",
    "roundss",
    "rsm",
    "rsqrtps",
    "rsqrtss",
    "rstorssp",
    "sahf",
    "sal",
    "salc",
    "sar",
    "sarx",
    "saveprevssp",
    "sbb",
    "scas",
    "scasb",
    "scasd",
    "scasq",
    "scasw",
    "seamcall",
    "seamops",
    "seamret",
    "senduipi",
    "serialize",
    "seta",
    "setae",
    "setb",
    "setbe",
    "setc",
    "sete",
    "setg",
    "setge",
    "setl",
    "setle",
    "setna",
    "setnae",
    "setnb",
    "setnbe",
    "setnc",
    "setne",
    "setng",
    "setnge",
    "setnl",
    "setnle",
    "setno",
    "setnp",
    "setns",
    "setnz",
    "seto",
    "setp",
    "setpe",
    "setpo",
    "sets",
    "setssbsy",
    "setz",
    "sfence",
    "sgdt",
    "sha1msg1",
    "sha1msg2",
    "sha1nexte",
    "sha1rnds4",
    "sha256msg1",
    "sha256msg2",
    "sha256rnds2",
    "shl",
    "shld",
    "shlx",
    "shr",
    "shrd",
    "shrx",
    "shufpd",
    "shufps",
    "sidt",
    "skinit",
    "sldt",
    "slwpcb",
    "smsw",
    "sqrtpd",
    "sqrtps",
    "sqrtsd",
    "sqrtss",
    "stac",
    "stc",
    "std",
    "stgi",
    "sti",
    "stmxcsr",
    "stos",
    "stosb",
    "stosd",
    "stosq",
    "stosw",
    "str_",
    "sttilecfg",
    "stui",
    "sub",
    "subpd",
    "subps",
    "subsd",
    "subss",
    "swapgs",
    "syscall",
    "sysenter",
    "sysexit",
    "sysexitq",
    "sysret",
    "sysretd",
    "sysretl",
    "sysretq",
    "t1mskc",
    "tdcall",
    "test",
    "testui",
    "tilerelease",
    "tlbsync",
    "tpause",
    "tzcnt",
    "tzmsk",
    "ucomisd",
    "ucomiss",
    "ud0",
    "ud1",
    "ud2",
    "ud2a",
    "uiret",
    "umonitor",
    "umwait",
    "undoc",
    "unpckhpd",
    "unpckhps",
    "unpcklpd",
    "unpcklps",
    "vaddpd",
    "vaddph",
    "vaddps",
    "vaddsd",
    "vaddsh",
    "vaddss",
    "vaddsubpd",
    "vaddsubps",
    "vaesdec",
    "vaesdeclast",
    "vaesenc",
    "vaesenclast",
    "vaesimc",
    "vaeskeygenassist",
    "valignd",
    "valignq",
    "vandnpd",
    "vandnps",
    "vandpd",
    "vandps",
    "vbcstnebf162ps",
    "vbcstnesh2ps",
    "vblendmpd",
    "vblendmps",
    "vblendpd",
    "vblendps",
    "vblendvpd",
    "vblendvps",
    "vbroadcastf32x2",
    "vbroadcastf32x4",
    "vbroadcastf32x8",
    "vbroadcastf64x2",
    "vbroadcastf64x4",
    "vbroadcastf128",
    "vbroadcasti32x2",
    "vbroadcasti32x4",
    "vbroadcasti32x8",
    "vbroadcasti64x2",
    "vbroadcasti64x4",
    "vbroadcasti128",
    "vbroadcastsd",
    "vbroadcastss",
    "vcmppd",
    "vcmpph",
    "vcmpps",
    "vcmpsd",
    "vcmpsh",
    "vcmpss",
    "vcomisd",
    "vcomish",
    "vcomiss",
    "vcompresspd",
    "vcompressps",
    "vcvtdq2pd",
    "vcvtdq2ph",
    "vcvtdq2ps",
    "vcvtne2ps2bf16",
    "vcvtneebf162ps",
    "vcvtneeph2ps",
    "vcvtneobf162ps",
    "vcvtneoph2ps",
    "vcvtneps2bf16",
    "vcvtpd2dq",
    "vcvtpd2ph",
    "vcvtpd2ps",
    "vcvtpd2qq",
    "vcvtpd2udq",
    "vcvtpd2uqq",
    "vcvtph2dq",
    "vcvtph2pd",
    "vcvtph2ps",
    "vcvtph2psx",
    "vcvtph2qq",
    "vcvtph2udq",
    "vcvtph2uqq",
    "vcvtph2uw",
    "vcvtph2w",
    "vcvtps2dq",
    "vcvtps2pd",
    "vcvtps2ph",
    "vcvtps2phx",
    "vcvtps2qq",
    "vcvtps2udq",
    "vcvtps2uqq",
    "vcvtqq2pd",
    "vcvtqq2ph",
    "vcvtqq2ps",
    "vcvtsd2sh",
    "vcvtsd2si",
    "vcvtsd2ss",
    "vcvtsd2usi",
    "vcvtsh2sd",
    "vcvtsh2si",
    "vcvtsh2ss",
    "vcvtsh2usi",
    "vcvtsi2sd",
    "vcvtsi2sh",
    "vcvtsi2ss",
    "vcvtss2sd",
    "vcvtss2sh",
    "vcvtss2si",
    "vcvtss2usi",
    "vcvttpd2dq",
    "vcvttpd2qq",
    "vcvttpd2udq",
    "vcvttpd2uqq",
    "vcvttph2dq",
    "vcvttph2qq",
    "vcvttph2udq",
    "vcvttph2uqq",
    "vcvttph2uw",
    "vcvttph2w",
    "vcvttps2dq",
    "vcvttps2qq",
    "vcvttps2udq",
    "vcvttps2uqq",
    "vcvttsd2si",
    "vcvttsd2usi",
    "vcvttsh2si",
    "vcvttsh2usi",
    "vcvttss2si",
    "vcvttss2usi",
    "vcvtudq2pd",
    "vcvtudq2ph",
    "vcvtudq2ps",
    "vcvtuqq2pd",
    "vcvtuqq2ph",
    "vcvtuqq2ps",
    "vcvtusi2sd",
    "vcvtusi2sh",
    "vcvtusi2ss",
    "vcvtuw2ph",
    "vcvtw2ph",
    "vdbpsadbw",
    "vdivpd",
    "vdivph",
    "vdivps",
    "vdivsd",
    "vdivsh",
    "vdivss",
    "vdpbf16ps",
    "vdppd",
    "vdpps",
    "verr",
    "verw",
    "vexp2pd",
    "vexp2ps",
    "vexpandpd",
    "vexpandps",
    "vextractf32x4",
    "vextractf32x8",
    "vextractf64x2",
    "vextractf64x4",
    "vextractf128",
    "vextracti32x4",
    "vextracti32x8",
    "vextracti64x2",
    "vextracti64x4",
    "vextracti128",
    "vextractps",
    "vfcmaddcph",
    "vfcmaddcsh",
    "vfcmulcph",
    "vfcmulcsh",
    "vfixupimmpd",
    "vfixupimmps",
    "vfixupimmsd",
    "vfixupimmss",
    "vfmadd132pd",
    "vfmadd132ph",
    "vfmadd132ps",
    "vfmadd132sd",
    "vfmadd132sh",
    "vfmadd132ss",
    "vfmadd213pd",
    "vfmadd213ph",
    "vfmadd213ps",
    "vfmadd213sd",
    "vfmadd213sh",
    "vfmadd213ss",
    "vfmadd231pd",
    "vfmadd231ph",
    "vfmadd231ps",
    "vfmadd231sd",
    "vfmadd231sh",
    "vfmadd231ss",
    "vfmaddcph",
    "vfmaddcsh",
    "vfmaddpd",
    "vfmaddps",
    "vfmaddsd",
    "vfmaddss",
    "vfmaddsub132pd",
    "vfmaddsub132ph",
    "vfmaddsub132ps",
    "vfmaddsub213pd",
    "vfmaddsub213ph",
    "vfmaddsub213ps",
    "vfmaddsub231pd",
    "vfmaddsub231ph",
    "vfmaddsub231ps",
    "vfmaddsubpd",
    "vfmaddsubps",
    "vfmsub132pd",
    "vfmsub132ph",
    "vfmsub132ps",
    "vfmsub132sd",
    "vfmsub132sh",
    "vfmsub132ss",
    "vfmsub213pd",
    "vfmsub213ph",
    "vfmsub213ps",
    "vfmsub213sd",
    "vfmsub213sh",
    "vfmsub213ss",
    "vfmsub231pd",
    "vfmsub231ph",
    "vfmsub231ps",
    "vfmsub231sd",
    "vfmsub231sh",
    "vfmsub231ss",
    "vfmsubadd132pd",
    "vfmsubadd132ph",
    "vfmsubadd132ps",
    "vfmsubadd213pd",
    "vfmsubadd213ph",
    "vfmsubadd213ps",
    "vfmsubadd231pd",
    "vfmsubadd231ph",
    "vfmsubadd231ps",
    "vfmsubaddpd",
    "vfmsubaddps",
    "vfmsubpd",
    "vfmsubps",
    "vfmsubsd",
    "vfmsubss",
    "vfmulcph",
    "vfmulcsh",
    "vfnmadd132pd",
    "vfnmadd132ph",
    "vfnmadd132ps",
    "vfnmadd132sd",
    "vfnmadd132sh",
    "vfnmadd132ss",
    "vfnmadd213pd",
    "vfnmadd213ph",
    "vfnmadd213ps",
    "vfnmadd213sd",
    "vfnmadd213sh",
    "vfnmadd213ss",
    "vfnmadd231pd",
    "vfnmadd231ph",
    "vfnmadd231ps",
    "vfnmadd231sd",
    "vfnmadd231sh",
    "vfnmadd231ss",
    "vfnmaddpd",
    "vfnmaddps",
    "vfnmaddsd",
    "vfnmaddss",
    "vfnmsub132pd",
    "vfnmsub132ph",
    "vfnmsub132ps",
    "vfnmsub132sd",
    "vfnmsub132sh",
    "vfnmsub132ss",
    "vfnmsub213pd",
    "vfnmsub213ph",
    "vfnmsub213ps",
    "vfnmsub213sd",
    "vfnmsub213sh",
    "vfnmsub213ss",
    "vfnmsub231pd",
    "vfnmsub231ph",
    "vfnmsub231ps",
    "vfnmsub231sd",
    "vfnmsub231sh",
    "vfnmsub231ss",
    "vfnmsubpd",
    "vfnmsubps",
    "vfnmsubsd",
    "vfnmsubss",
    "vfpclasspd",
    "vfpclassph",
    "vfpclassps",
    "vfpclasssd",
    "vfpclasssh",
    "vfpclassss",
    "vfrczpd",
    "vfrczps",
    "vfrczsd",
    "vfrczss",
    "vgatherdpd",
    "vgatherdps",
    "vgatherqpd",
    "vgatherqps",
    "vgetexppd",
    "vgetexpph",
    "vgetexpps",
    "vgetexpsd",
    "vgetexpsh",
    "vgetexpss",
    "vgetmantpd",
    "vgetmantph",
    "vgetmantps",
    "vgetmantsd",
    "vgetmantsh",
    "vgetmantss",
    "vgf2p8affineinvqb",
    "vgf2p8affineqb",
    "vgf2p8mulb",
    "vhaddpd",
    "vhaddps",
    "vhsubpd",
    "vhsubps",
    "vinsertf32x4",
    "vinsertf32x8",
    "vinsertf64x2",
    "vinsertf64x4",
    "vinsertf128",
    "vinserti32x4",
    "vinserti32x8",
    "vinserti64x2",
    "vinserti64x4",
    "vinserti128",
    "vinsertps",
    "vlddqu",
    "vldmxcsr",
    "vmaskmovdqu",
    "vmaskmovpd",
    "vmaskmovps",
    "vmaxpd",
    "vmaxph",
    "vmaxps",
    "vmaxsd",
    "vmaxsh",
    "vmaxss",
    "vmcall",
    "vmclear",
    "vmfunc",
    "vmgexit",
    "vminpd",
    "vminph",
    "vminps",
    "vminsd",
    "vminsh",
    "vminss",
    "vmlaunch",
    "vmload",
    "vmmcall",
    "vmovapd",
    "vmovaps",
    "vmovd",
    "vmovddup",
    "vmovdqa",
    "vmovdqa32",
    "vmovdqa64",
    "vmovdqu",
    "vmovdqu8",
    "vmovdqu16",
    "vmovdqu32",
    "vmovdqu64",
    "vmovhlps",
    "vmovhpd",
    "vmovhps",
    "vmovlhps",
    "vmovlpd",
    "vmovlps",
    "vmovmskpd",
    "vmovmskps",
    "vmovntdq",
    "vmovntdqa",
    "vmovntpd",
    "vmovntps",
    "vmovq",
    "vmovsd",
    "vmovsh",
    "vmovshdup",
    "vmovsldup",
    "vmovss",
    "vmovupd",
    "vmovups",
    "vmovw",
    "vmpsadbw",
    "vmptrld",
    "vmptrst",
    "vmread",
    "vmresume",
    "vmrun",
    "vmsave",
    "vmulpd",
    "vmulph",
    "vmulps",
    "vmulsd",
    "vmulsh",
    "vmulss",
    "vmwrite",
    "vmxoff",
    "vmxon",
    "vorpd",
    "vorps",
    "vpabsb",
    "vpabsd",
    "vpabsq",
    "vpabsw",
    "vpackssdw",
    "vpacksswb",
    "vpackusdw",
    "vpackuswb",
    "vpaddb",
    "vpaddd",
    "vpaddq",
    "vpaddsb",
    "vpaddsw",
    "vpaddusb",
    "vpaddusw",
    "vpaddw",
    "vpalignr",
    "vpand",
    "vpandd",
    "vpandn",
    "vpandnd",
    "vpandnq",
    "vpandq",
    "vpavgb",
    "vpavgw",
    "vpblendd",
    "vpblendmb",
    "vpblendmd",
    "vpblendmq",
    "vpblendmw",
    "vpblendvb",
    "vpblendw",
    "vpbroadcastb",
    "vpbroadcastd",
    "vpbroadcastmb2q",
    "vpbroadcastmw2d",
    "vpbroadcastq",
    "vpbroadcastw",
    "vpclmulqdq",
    "vpcmov",
    "vpcmpb",
    "vpcmpd",
    "vpcmpeqb",
    "vpcmpeqd",
    "vpcmpeqq",
    "vpcmpeqw",
    "vpcmpestri",
    "vpcmpestri64",
    "vpcmpestrm",
    "vpcmpestrm64",
    "vpcmpgtb",
    "vpcmpgtd",
    "vpcmpgtq",
    "vpcmpgtw",
    "vpcmpistri",
    "vpcmpistrm",
    "vpcmpq",
    "vpcmpub",
    "vpcmpud",
    "vpcmpuq",
    "vpcmpuw",
    "vpcmpw",
    "vpcomb",
    "vpcomd",
    "vpcompressb",
    "vpcompressd",
    "vpcompressq",
    "vpcompressw",
    "vpcomq",
    "vpcomub",
    "vpcomud",
    "vpcomuq",
    "vpcomuw",
    "vpcomw",
    "vpconflictd",
    "vpconflictq",
    "vpdpbssd",
    "vpdpbssds",
    "vpdpbsud",
    "vpdpbsuds",
    "vpdpbusd",
    "vpdpbusds",
    "vpdpbuud",
    "vpdpbuuds",
    "vpdpwssd",
    "vpdpwssds",
    "vpdpwsud",
    "vpdpwsuds",
    "vpdpwusd",
    "vpdpwusds",
    "vpdpwuud",
    "vpdpwuuds",
    "vperm2f128",
    "vperm2i128",
    "vpermb",
    "vpermd",
    "vpermi2b",
    "vpermi2d",
    "vpermi2pd",
    "vpermi2ps",
    "vpermi2q",
    "vpermi2w",
    "vpermilpd",
    "vpermilps",
    "vpermpd",
    "vpermps",
    "vpermq",
    "vpermt2b",
    "vpermt2d",
    "vpermt2pd",
    "vpermt2ps",
    "vpermt2q",
    "vpermt2w",
    "vpermw",
    "vpexpandb",
    "vpexpandd",
    "vpexpandq",
    "vpexpandw",
    "vpextrb",
    "vpextrd",
    "vpextrq",
    "vpextrw",
    "vpgatherdd",
    "vpgatherdq",
    "vpgatherqd",
    "vpgatherqq",
    "vphaddbd",
    "vphaddbq",
    "vphaddbw",
    "vphaddd",
    "vphadddq",
    "vphaddsw",
    "vphaddubd",
    "vphaddubq",
    "vphaddubw",
    "vphaddudq",
    "vphadduwd",
    "vphadduwq",
    "vphaddw",
    "vphaddwd",
    "vphaddwq",
    "vphminposuw",
    "vphsubbw",
    "vphsubd",
    "vphsubdq",
    "vphsubsw",
    "vphsubw",
    "vphsubwd",
    "vpinsrb",
    "vpinsrd",
    "vpinsrq",
    "vpinsrw",
    "vplzcntd",
    "vplzcntq",
    "vpmacsdd",
    "vpmacsdqh",
    "vpmacsdql",
    "vpmacssdd",
    "vpmacssdqh",
    "vpmacssdql",
    "vpmacsswd",
    "vpmacssww",
    "vpmacswd",
    "vpmacsww",
    "vpmadcsswd",
    "vpmadcswd",
    "vpmadd52huq",
    "vpmadd52luq",
    "vpmaddubsw",
    "vpmaddwd",
    "vpmaskmovd",
    "vpmaskmovq",
    "vpmaxsb",
    "vpmaxsd",
    "vpmaxsq",
    "vpmaxsw",
    "vpmaxub",
    "vpmaxud",
    "vpmaxuq",
    "vpmaxuw",
    "vpminsb",
    "vpminsd",
    "vpminsq",
    "vpminsw",
    "vpminub",
    "vpminud",
    "vpminuq",
    "vpminuw",
    "vpmovb2m",
    "vpmovd2m",
    "vpmovdb",
    "vpmovdw",
    "vpmovm2b",
    "vpmovm2d",
    "vpmovm2q",
    "vpmovm2w",
    "vpmovmskb",
    "vpmovq2m",
    "vpmovqb",
    "vpmovqd",
    "vpmovqw",
    "vpmovsdb",
    "vpmovsdw",
    "vpmovsqb",
    "vpmovsqd",
    "vpmovsqw",
    "vpmovswb",
    "vpmovsxbd",
    "vpmovsxbq",
    "vpmovsxbw",
    "vpmovsxdq",
    "vpmovsxwd",
    "vpmovsxwq",
    "vpmovusdb",
    "vpmovusdw",
    "vpmovusqb",
    "vpmovusqd",
    "vpmovusqw",
    "vpmovuswb",
    "vpmovw2m",
    "vpmovwb",
    "vpmovzxbd",
    "vpmovzxbq",
    "vpmovzxbw",
    "vpmovzxdq",
    "vpmovzxwd",
    "vpmovzxwq",
    "vpmuldq",
    "vpmulhrsw",
    "vpmulhuw",
    "vpmulhw",
    "vpmulld",
    "vpmullq",
    "vpmullw",
    "vpmultishiftqb",
    "vpmuludq",
    "vpopcntb",
    "vpopcntd",
    "vpopcntq",
    "vpopcntw",
    "vpor",
    "vpord",
    "vporq",
    "vpperm",
    "vprold",
    "vprolq",
    "vprolvd",
    "vprolvq",
    "vprord",
    "vprorq",
    "vprorvd",
    "vprorvq",
    "vprotb",
    "vprotd",
    "vprotq",
    "vprotw",
    "vpsadbw",
    "vpshab",
    "vpshad",
    "vpshaq",
    "vpshaw",
    "vpshlb",
    "vpshld",
    "vpshldd",
    "vpshldq",
    "vpshldvd",
    "vpshldvq",
    "vpshldvw",
    "vpshldw",
    "vpshlq",
    "vpshlw",
    "vpshrdd",
    "vpshrdq",
    "vpshrdvd",
    "vpshrdvq",
    "vpshrdvw",
    "vpshrdw",
    "vpshufb",
    "vpshufbitqmb",
    "vpshufd",
    "vpshufhw",
    "vpshuflw",
    "vpsignb",
    "vpsignd",
    "vpsignw",
    "vpslld",
    "vpslldq",
    "vpsllq",
    "vpsllvd",
    "vpsllvq",
    "vpsllvw",
    "vpsllw",
    "vpsrad",
    "vpsraq",
    "vpsravd",
    "vpsravq",
    "vpsravw",
    "vpsraw",
    "vpsrld",
    "vpsrldq",
    "vpsrlq",
    "vpsrlvd",
    "vpsrlvq",
    "vpsrlvw",
    "vpsrlw",
    "vpsubb",
    "vpsubd",
    "vpsubq",
    "vpsubsb",
    "vpsubsw",
    "vpsubusb",
    "vpsubusw",
    "vpsubw",
    "vpternlogd",
    "vpternlogq",
    "vptest",
    "vptestmb",
    "vptestmd",
    "vptestmq",
    "vptestmw",
    "vptestnmb",
    "vptestnmd",
    "vptestnmq",
    "vptestnmw",
    "vpunpckhbw",
    "vpunpckhdq",
    "vpunpckhqdq",
    "vpunpckhwd",
    "vpunpcklbw",
    "vpunpckldq",
    "vpunpcklqdq",
    "vpunpcklwd",
    "vpxor",
    "vpxord",
    "vpxorq",
    "vrangepd",
    "vrangeps",
    "vrangesd",
    "vrangess",
    "vrcp14pd",
    "vrcp14ps",
    "vrcp14sd",
    "vrcp14ss",
    "vrcp28pd",
    "vrcp28ps",
    "vrcp28sd",
    "vrcp28ss",
    "vrcpph",
    "vrcpps",
    "vrcpsh",
    "vrcpss",
    "vreducepd",
    "vreduceph",
    "vreduceps",
    "vreducesd",
    "vreducesh",
    "vreducess",
    "vrndscalepd",
    "vrndscaleph",
    "vrndscaleps",
    "vrndscalesd",
    "vrndscalesh",
    "vrndscaless",
    "vroundpd",
    "vroundps",
    "vroundsd",
    "vroundss",
    "vrsqrt14pd",
    "vrsqrt14ps",
    "vrsqrt14sd",
    "vrsqrt14ss",
    "vrsqrt28pd",
    "vrsqrt28ps",
    "vrsqrt28sd",
    "vrsqrt28ss",
    "vrsqrtph",
    "vrsqrtps",
    "vrsqrtsh",
    "vrsqrtss",
    "vscalefpd",
    "vscalefph",
    "vscalefps",
    "vscalefsd",
    "vscalefsh",
    "vscalefss",
    "vsha512msg1",
    "vsha512msg2",
    "vsha512rnds2",
    "vshuff32x4",
    "vshuff64x2",
    "vshufi32x4",
    "vshufi64x2",
    "vshufpd",
    "vshufps",
    "vsm3msg1",
    "vsm3msg2",
    "vsm3rnds2",
    "vsm4key4",
    "vsm4rnds4",
    "vsqrtpd",
    "vsqrtph",
    "vsqrtps",
    "vsqrtsd",
    "vsqrtsh",
    "vsqrtss",
    "vstmxcsr",
    "vsubpd",
    "vsubph",
    "vsubps",
    "vsubsd",
    "vsubsh",
    "vsubss",
    "vtestpd",
    "vtestps",
    "vucomisd",
    "vucomish",
    "vucomiss",
    "vunpckhpd",
    "vunpckhps",
    "vunpcklpd",
    "vunpcklps",
    "vxorpd",
    "vxorps",
    "vzeroall",
    "vzeroupper",
    "wait",
    "wbinvd",
    "wbnoinvd",
    "wrfsbase",
    "wrgsbase",
    "wrmsr",
    "wrmsrlist",
    "wrmsrns",
    "wrpkru",
    "wrssd",
    "wrssq",
    "wrussd",
    "wrussq",
    "xabort",
    "xadd",
    "xbegin",
    "xchg",
    "xcryptcbc",
    "xcryptcfb",
    "xcryptctr",
    "xcryptecb",
    "xcryptofb",
    "xend",
    "xgetbv",
    "xlat",
    "xlatb",
    "xor",
    "xorpd",
    "xorps",
    "xresldtrk",
    "xrstor",
    "xrstor64",
    "xrstors",
    "xrstors64",
    "xsave",
    "xsave64",
    "xsavec",
    "xsavec64",
    "xsaveopt",
    "xsaveopt64",
    "xsaves",
    "xsaves64",
    "xsetbv",
    "xsha1",
    "xsha256",
    "xsha512",
    "xsha512_alt",
    "xstore",
    "xstore_alt",
    "xsusldtrk",
    "xtest",
]
