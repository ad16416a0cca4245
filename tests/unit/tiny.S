# A kernel for trying the machine harness without the real one: entered by PVH, it prints a
# prompt on COM1 and obeys commands of one letter. See `commands` for what they do.

        .set COM1, 0x3f8                # 16550: data at +0, line status at +5
        .set LSR, COM1 + 5
        .set LSR_DATA_READY, 1
        .set KEYBOARD_DATA, 0x60        # 8042
        .set KEYBOARD_STATUS, 0x64
        .set DEBUG_EXIT, 0xf4
        .set POWEROFF, 16               # QEMU ends with 16 * 2 + 1
        .set PANIC, 17
        .set VGA, 0xb8000
        .set MAGIC, 0x12345678

        .section .note.pvh, "a", @note
        .long 4, 4, 18                  # XEN_ELFNOTE_PHYS32_ENTRY
        .asciz "Xen"
        .long start

        .bss
        .align 16
        .skip 4096
stack_end:
        .type line, @object
line:   .skip 128
        .size line, . - line

        .data
        .globl counter
        .type counter, @object
counter: .long MAGIC
        .size counter, . - counter
greeting: .asciz "tiny kernel\r\n"
prompt: .asciz "pykasm> "
unknown: .asciz "unknown command\r\n"
memory_text: .asciz "memory: plenty\r\nend of memory\r\n"
address_text: .asciz "at 0xffffffff80000010\r\n"
key_text: .asciz "key pressed\r\n"

        .text
        .code32
        .globl start
        .type start, @function
start:
        movl $stack_end, %esp
        movl $greeting, %esi
        call print
loop:
        movl $prompt, %esi
        call print
        call read_line
        call obey
        jmp loop
        .size start, . - start

        .globl obey
        .type obey, @function
obey:
        incl counter
        movl $memory_text, %esi
        cmpb $'m', line
        je print
        movl $address_text, %esi
        cmpb $'a', line
        je print
        cmpb $'p', line
        je poweroff
        cmpb $'c', line
        je panic
        cmpb $'h', line
        je hang
        cmpb $'v', line
        je paint
        cmpb $'k', line
        je wait_key
        movl $unknown, %esi
        jmp print
        .size obey, . - obey

poweroff:
        movl $POWEROFF, %eax
        outl %eax, $DEBUG_EXIT
panic:
        movl $PANIC, %eax
        outl %eax, $DEBUG_EXIT
hang:   jmp hang

paint:
        movl $0x07690748, VGA           # "Hi", light grey on black
        ret

wait_key:
        inb $KEYBOARD_STATUS, %al
        testb $1, %al
        jz wait_key
        inb $KEYBOARD_DATA, %al
        movl $key_text, %esi
        jmp print

        .globl print
        .type print, @function
print:                                  # esi: text that ends with a zero byte
        movw $COM1, %dx
1:      lodsb
        testb %al, %al
        jz 2f
        outb %al, %dx
        jmp 1b
2:      ret
        .size print, . - print

read_line:                              # echo up to a carriage return or line feed
        movl $line, %edi
1:      movw $LSR, %dx
        inb %dx, %al
        testb $LSR_DATA_READY, %al
        jz 1b
        movw $COM1, %dx
        inb %dx, %al
        cmpb $'\r', %al
        je 2f
        cmpb $'\n', %al
        je 2f
        outb %al, %dx
        stosb
        jmp 1b
2:      movb $0, (%edi)
        movb $'\r', %al
        outb %al, %dx
        movb $'\n', %al
        outb %al, %dx
        ret
