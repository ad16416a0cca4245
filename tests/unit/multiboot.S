# A kernel that says what a Multiboot2 loader handed to it (Multiboot2 specification, 3.6), then
# ends QEMU with status 33.

    .set MAGIC, 0xe85250d6
    .set TAG_END, 0
    .set TAG_COMMAND_LINE, 1
    .set TAG_MODULE, 3

    .section .multiboot2.loaded, "a"
    .balign 8
header:
    .long MAGIC, 0, header_end - header, -(MAGIC + header_end - header)
    .short 0, 0
    .long 8
header_end:

    .section .boot.text.loaded, "ax"
    .code32
    .globl start
start:
    mov $loaded, %esi
    call print
    lea 8(%ebx), %ebx
next_tag:
    lea 8(%ebx), %esi
    cmpl $TAG_COMMAND_LINE, (%ebx)
    je print_tag
    lea 16(%ebx), %esi
    cmpl $TAG_MODULE, (%ebx)
    je print_tag
    cmpl $TAG_END, (%ebx)
    jne skip_tag
    mov $0xf4, %dx
    mov $16, %al
    out %al, %dx
    hlt
print_tag:
    call print
skip_tag:
    mov 4(%ebx), %ecx
    lea 7(%ebx, %ecx), %ebx
    and $-8, %ebx
    jmp next_tag

# The string at esi and a newline on the serial line.
print:
    mov $0x3f8, %dx
    lodsb
    test %al, %al
    jz line_end
    out %al, %dx
    jmp print
line_end:
    mov $'\n', %al
    out %al, %dx
    ret

    .section .boot.rodata.loaded, "a"
loaded:
    .asciz "loaded"
