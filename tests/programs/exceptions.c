// Exceptions of programs, of each kind that they can cause: the signal, its code and address.
#include "check.h"
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define END 0x7FFFFFFFF000
#define NOT_CANONICAL 0x800000000000
#define HERE ((void *)1)  // the address of the instruction itself

// What a handler has seen
static volatile int number, code, vector;
static volatile long error, fault_address;
static void *volatile address;
static char *volatile rip;

// Puts the program on behind the code that `attempt` has called.
static volatile long saved_rsp;
extern char attempt_end[];

static void note(int signal, siginfo_t *info, void *ucontext) {
    greg_t *registers = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
    number = signal, code = info->si_code, address = info->si_addr;
    vector = registers[REG_TRAPNO], error = registers[REG_ERR];
    fault_address = registers[REG_CR2], rip = (char *)registers[REG_RIP];
    registers[REG_RIP] = (long)attempt_end;
    registers[REG_RSP] = saved_rsp;
    registers[REG_EFL] &= ~0x40500L;  // AC, DF and TF
}

// Calls the code with these registers; all others are kept.
long attempt(char *code, long rax, long rcx, long rdi);
__asm__(
    "attempt: push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "mov %rsp, saved_rsp(%rip)\n"
    "mov %rdi, %rbx; mov %rsi, %rax; mov %rcx, %rdi; mov %rdx, %rcx; call *%rbx\n"
    ".globl attempt_end\n"
    "attempt_end: mov saved_rsp(%rip), %rsp\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static char *page, alternate[1 << 16];

// Runs the bytes at `offset` of a page, and leaves what came of it.
static void run(int offset, const char *bytes, int size, long rax, long rcx, long rdi) {
    memcpy(page + offset, bytes, size);
    page[offset + size] = 0xC3;
    number = code = vector = error = fault_address = 0, address = rip = 0;
    attempt(page + offset, rax, rcx, rdi);
}

#define RUN(bytes, ...) run(16, bytes, sizeof(bytes) - 1, __VA_ARGS__)
#define GIVES(signal, its_code, its_address, its_vector, after, bytes, ...)                        \
    do {                                                                                           \
        RUN(bytes, __VA_ARGS__);                                                                   \
        CHECK(number == signal);                                                                   \
        CHECK(code == its_code);                                                                   \
        CHECK(address == ((void *)(its_address) == HERE ? rip : (void *)(its_address)));           \
        CHECK(vector == its_vector);                                                               \
        CHECK(rip == page + 16 + after);                                                           \
    } while (0)

static void interrupts(void) {
    for (int n = 0; n < 256; n++) {
        if (n == 3 || n == 4 || n == 0x80)
            continue;
        char bytes[] = {0xCD, n};
        run(16, bytes, 2, 0, 0, 0);
        CHECK(number == SIGSEGV && code == SI_KERNEL && address == 0);
        CHECK(vector == 13 && rip == page + 16);
        CHECK(error == n * 8 + 2 || error == n * 16 + 2);  // QEMU counts by the size of a gate
    }
    GIVES(SIGTRAP, SI_KERNEL, 0, 3, 2, "\xCD\x03", 0, 0, 0);
    GIVES(SIGTRAP, SI_KERNEL, 0, 3, 1, "\xCC", 0, 0, 0);
    GIVES(SIGSEGV, SI_KERNEL, 0, 4, 2, "\xCD\x04", 0, 0, 0);
    RUN("\xF1", 0, 0, 0);  // icebp, which some emulators do not know
    if (number != SIGILL)
        CHECK(number == SIGTRAP && code == TRAP_BRKPT && vector == 1 && address == rip);
}

static void arithmetic(void) {
    static const unsigned short x87 = 0x37B, x87_invalid = 0x37E;  // divisions by 0, invalid ones
    static const unsigned sse[] = {0x1F00, 0x1D80, 0x1B80, 0x1780, 0x0F80};
    static const int sse_codes[] = {FPE_FLTINV, FPE_FLTDIV, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES};
    static const double operands[][2] = {{0, 0}, {1, 0}, {1e300, 1e-300}, {1e-300, 1e300}, {1, 3}};
    GIVES(SIGFPE, FPE_INTDIV, HERE, 0, 0, "\x48\xF7\xF1", 1, 0, 0);  // div rcx
    GIVES(SIGFPE, FPE_INTDIV, HERE, 0, 4, "\x48\x99\x90\x90\x48\xF7\xF9", 1L << 63, -1, 0);
    // fninit; fldcw [rdi]; fld1; fldz; fdivp; fwait
    GIVES(SIGFPE, FPE_FLTDIV, HERE, 16, 10, "\xDB\xE3\xD9\x2F\xD9\xE8\xD9\xEE\xDE\xF9\x9B", 0, 0,
          (long)&x87);
    GIVES(SIGFPE, FPE_FLTINV, HERE, 16, 10, "\xDB\xE3\xD9\x2F\xD9\xEE\xD9\xEE\xDE\xF9\x9B", 0, 0,
          (long)&x87_invalid);
    RUN("\xDB\xE3", 0, 0, 0);
    // QEMU has neither SSE nor unaligned access raise exceptions
    for (int i = 0; i < 5; i++) {
        // ldmxcsr [rdi]; movsd xmm0, [rcx]; divsd xmm0, [rcx+8]
        RUN("\x0F\xAE\x17\xF2\x0F\x10\x01\xF2\x0F\x5E\x41\x08", 0, (long)operands[i],
            (long)&sse[i]);
        if (number)
            CHECK(number == SIGFPE && code == sse_codes[i] && vector == 19 && address == rip);
        CHECK(number == 0 || rip == page + 23);
    }
    RUN("\x0F\xAE\x17", 0, 0, (long)&(unsigned){0x1F80});
    // pushf; or dword [rsp], 0x40000; popf; mov eax, [rcx]; pushf;
    // and dword [rsp], ~0x40000; popf
    RUN("\x9C\x81\x0C\x24\x00\x00\x04\x00\x9D\x8B\x01\x9C\x81\x24\x24\xFF\xFF\xFB\xFF\x9D", 0,
        (long)operands + 1, 0);
    if (number)
        CHECK(number == SIGBUS && code == BUS_ADRALN && vector == 17 && address == 0);
    CHECK(number == 0 || rip == page + 25);
}

static void instructions(void) {
    GIVES(SIGILL, ILL_ILLOPN, HERE, 6, 0, "\x0F\x0B", 0, 0, 0);      // ud2
    GIVES(SIGILL, ILL_ILLOPN, HERE, 6, 0, "\x06", 0, 0, 0);          // push es
    GIVES(SIGILL, ILL_ILLOPN, HERE, 6, 0, "\xCE", 0, 0, 0);          // into
    GIVES(SIGILL, ILL_ILLOPN, HERE, 6, 0, "\xF0\x90", 0, 0, 0);      // lock nop
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\xF4", 0, 0, 0);            // hlt
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x0F\x01\xF8", 0, 0, 0);    // swapgs
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x0F\x21\xC0", 0, 0, 0);    // mov rax, dr0
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x0F\x23\xC0", 0, 0, 0);    // mov dr0, rax
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x0F\x07", 0, 0, 0);        // sysret
}

static void segments(void) {
    static const int wrong[] = {0x07, 0x08, 0x10, 0x18, 0x0F, 0xFB, 0xFFFC, 0xFFFF};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        for (int segment = 0; segment < 6; segment++) {
            if (segment == 1)
                continue;  // cs: no such instruction
            char bytes[] = {0x8E, 0xC0 | segment << 3};  // mov segment, ax
            run(16, bytes, 2, wrong[i], 0, 0);
            CHECK(number == SIGSEGV && code == SI_KERNEL && address == 0);
            CHECK(vector == 13 && error == (wrong[i] & ~3) && rip == page + 16);
        }
    }
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x8E\xD0", 0, 0, 0);  // mov ss, ax
    CHECK(error == 0);
    static const struct { long offset; unsigned short segment; } __attribute__((packed)) far[] = {
        {0, 0}, {0, 0x08}, {0, 0x2B}, {0, 0x18}, {0, 0x0F}, {0, 0xFFFF}};
    for (int i = 0; i < 6; i++) {
        GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x48\xFF\x2F", 0, 0, (long)&far[i]);  // jmp far [rdi]
        CHECK(error == (far[i].segment & ~3));
    }
}

static void memory(void) {
    GIVES(SIGSEGV, SEGV_MAPERR, 8, 14, 0, "\x48\x8B\x01", 0, 8, 0);  // mov rax, [rcx]
    CHECK(error == 4 && fault_address == 8);
    GIVES(SIGSEGV, SEGV_MAPERR, 16, 14, 0, "\x48\x89\x01", 0, 16, 0);  // mov [rcx], rax
    CHECK(error == 6);
    GIVES(SIGSEGV, SEGV_ACCERR, page + 4096, 14, 0, "\x48\x89\x01", 0, (long)page + 4096, 0);
    CHECK(error == 7 || error == 6);
    GIVES(SIGSEGV, SEGV_MAPERR, END, 14, 0, "\x48\x8B\x01", 0, END, 0);
    GIVES(SIGSEGV, SEGV_MAPERR, -4096L, 14, 0, "\x48\x8B\x01", 0, -4096, 0);
    CHECK(error == 5);
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x48\x8B\x01", 0, NOT_CANONICAL, 0);
    GIVES(SIGSEGV, SI_KERNEL, 0, 13, 0, "\x48\x8B\x01", 0, 0x7FFFFFFFFFFFFFFF, 0);
    CHECK(error == 0);
    // mov rbp, rcx; mov rax, [rbp]; and push, ret with such an rsp: an exception of the stack's
    // segment, but under QEMU
    static const char *const stacks[] = {"\x48\x89\xCD\x8B\x45\x00", "\x48\x89\xCC\x50\x90",
                                         "\x48\x89\xCC\xC3\x90"};
    for (int i = 0; i < 3; i++) {
        run(16, stacks[i], 6, 0, NOT_CANONICAL + 64, 0);
        CHECK(code == SI_KERNEL && address == 0 && rip == page + 19 && error == 0);
        CHECK(number == SIGBUS && vector == 12 || number == SIGSEGV && vector == 13);
    }
    // code that is not there, that is not to be run, and no address at all
    RUN("\xFF\xE1", 0, 0x10, 0);  // jmp rcx
    CHECK(number == SIGSEGV && code == SEGV_MAPERR && address == (void *)0x10 && error == 0x14);
    RUN("\xFF\xE1", 0, (long)alternate, 0);
    CHECK(number == SIGSEGV && code == SEGV_ACCERR && address == alternate);
    CHECK(rip == alternate && (error & ~1) == 0x14);
    RUN("\xFF\xE1", 0, -8192, 0);
    CHECK(number == SIGSEGV && code == SEGV_MAPERR && address == (void *)-8192);
    RUN("\xFF\xE1", 0, NOT_CANONICAL, 0);  // which fails before or behind the jump
    CHECK(number == SIGSEGV && code == SI_KERNEL && address == 0 && vector == 13 && error == 0);
    CHECK(rip == page + 16 || rip == (char *)NOT_CANONICAL);
    // an instruction that goes on in a page that is not there
    run(4094, "\x48", 1, 0, 0, 0);
    CHECK(number == 0);
    memcpy(page + 4094, "\x48\x8B", 2);
    attempt(page + 4094, 0, 0, 0);
    CHECK(number == SIGSEGV && rip == page + 4094 && address == page + 4096);
}

int main(void) {
    page = mmap(0, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && mprotect(page + 4096, 4096, PROT_READ) == 0);
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    CHECK(sigaltstack(&stack, 0) == 0);
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    for (int i = 0; i < 5; i++)
        CHECK(sigaction(signals[i], &action, 0) == 0);
    interrupts();
    arithmetic();
    instructions();
    segments();
    memory();
    return 0;
}
