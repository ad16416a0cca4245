// Sequences of file operations by chance, the same wherever they run: what each comes to is printed,
// so that the kernel can be compared with Linux.
//
//     filesequences [LIST FOLDER [each]]
//
// LIST has the numbers of sequences (/cases), which are worked through in FOLDER (/tmp): a line
// `begin NUMBER`, and one with the number and what came of each step, `e` and the error or the result
// and, where there is some, a digest of what else is known. With `each`, steps are described, too.
//
// Two processes, one of them of another user, have two threads each. They take turns as chance has
// it: so files are seen from several sides, and yet there is only one thing that can come of each
// step.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define THREADS 2      // of a process
#define ACTORS 4
#define OTHER_USER 1
#define SLOTS 3        // open files of a process
#define STEPS 80
#define FIRST 14       // of them, which make something for the others to find
#define MOST 20000     // bytes
#define MODES 06777    // not sticky: what Linux forbids in such directories depends on its settings
#define SET_TIME 1000  // times that were set lie before it, in seconds

#define OPERATIONS(do)                                                                             \
    do(OPEN) do(CLOSE) do(READ) do(WRITE) do(PREAD) do(PWRITE) do(SEEK) do(RESIZE) do(TRUNCATE)    \
    do(MKDIR) do(RMDIR) do(UNLINK) do(RENAME) do(LINK) do(SYMLINK) do(READLINK) do(CHMOD)          \
    do(CHOWN) do(STAT) do(OPEN_STAT) do(ACCESS) do(LIST) do(ALLOCATE) do(DUPLICATE) do(SEND)       \
    do(COPY) do(LOCK) do(LOCK_PART) do(TEST_LOCK) do(SET_ATTRIBUTE) do(GET_ATTRIBUTE)              \
    do(LIST_ATTRIBUTES) do(REMOVE_ATTRIBUTE) do(UNNAMED) do(NAME_OPEN) do(FLAGS) do(SET_FLAGS)     \
    do(TIMES) do(MAP) do(OPEN_MODE) do(OPEN_OWNER)

#define NAME_OF(name) #name,
#define NUMBER_OF(name) name,
enum { OPERATIONS(NUMBER_OF) END };
static const char *const operations[] = {OPERATIONS(NAME_OF)};

static const char *const names[] = {
    "a", "b", "c", "d", "a/x", "a/y", "b/x", "b/y", "a/x/z", "c/", "d/..", "a/.", "b/x/", "",
};
#define NAMES (sizeof names / sizeof *names)

static const int flags[] = {
    O_RDONLY, O_RDWR, O_WRONLY, O_RDWR | O_CREAT, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL,
    O_WRONLY | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND, O_RDWR | O_APPEND | O_CREAT,
    O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW, O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_TRUNC,
    O_RDONLY | O_CREAT | O_DIRECTORY, O_ACCMODE, O_RDWR | O_NOATIME, O_RDWR | O_SYNC | O_NONBLOCK,
    O_RDONLY | O_CREAT | O_NOFOLLOW, O_PATH | O_DIRECTORY,
};

struct order { int operation, name, other, slot, second; long number, length; };
struct answer { long result; int error; uint64_t data; };

static int slots[SLOTS];
static int orders[ACTORS][2], answers[ACTORS][2];
static uint64_t state;

static unsigned chance(unsigned most) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % most;
}

static uint64_t mix(uint64_t digest, const void *bytes, long count) {
    for (long i = 0; i < count; i++)
        digest = (digest ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return digest;
}

static uint64_t describe(const struct stat *status) {
    long size = S_ISDIR(status->st_mode) ? 0 : status->st_size;
    long time = status->st_mtim.tv_sec < SET_TIME ? status->st_mtim.tv_sec : SET_TIME;
    long facts[] = {status->st_mode, status->st_nlink, size, status->st_uid, status->st_gid, time};
    return mix(1, facts, sizeof facts);
}

// The names in a directory, in any order.
static long list(const char *name, uint64_t *data) {
    DIR *directory = opendir(name);
    if (!directory)
        return -1;
    long count = 0;
    for (struct dirent *entry; (entry = readdir(directory)); count++)
        *data += mix(entry->d_type, entry->d_name, strlen(entry->d_name));
    closedir(directory);
    return count;
}

static long keep(int slot, int file) {
    if (file < 0)
        return -1;
    if (slots[slot] >= 0)
        close(slots[slot]);
    slots[slot] = file;
    return 0;
}

// Changes a byte by a mapping, and tells which one it was.
static long map(int file, const struct order *order) {
    int rights = order->second & 1 ? PROT_READ | PROT_WRITE : PROT_READ;
    struct stat status;
    char *bytes = mmap(0, MOST, rights, order->second & 2 ? MAP_SHARED : MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return -1;
    long result = 0;
    if (fstat(file, &status) == 0 && order->number < status.st_size) {
        result = (unsigned char)bytes[order->number];
        if (rights & PROT_WRITE)
            bytes[order->number] = order->name;
    }
    munmap(bytes, MOST);
    return result;
}

static long set_times(const char *name, const struct order *order) {
    struct timespec times[2] = {{0, UTIME_OMIT}, {order->number % SET_TIME, order->length}};
    if (order->second == 1)
        times[1].tv_nsec = UTIME_OMIT;
    if (order->second == 2)
        times[1].tv_nsec = -1;
    return utimensat(AT_FDCWD, name, times, order->slot & 1 ? AT_SYMLINK_NOFOLLOW : 0);
}

static long lock_part(int file, const struct order *order, uint64_t *data) {
    struct flock part = {
        .l_type = order->other % 3, .l_start = order->number, .l_len = order->length - MOST / 4,
    };
    if (order->operation == LOCK_PART)
        return fcntl(file, order->second & 1 ? F_OFD_SETLK : F_SETLK, &part);
    long result = fcntl(file, order->second & 1 ? F_OFD_GETLK : F_GETLK, &part);
    long facts[] = {part.l_type, part.l_start, part.l_len, part.l_whence};
    *data = result ? 0 : mix(1, facts, sizeof facts);
    return result;
}

static long act(const struct order *order, uint64_t *data) {
    static __thread char bytes[MOST];
    const char *name = names[order->name], *other = names[order->other];
    int file = slots[order->slot], second = slots[order->second % SLOTS];
    struct stat status;
    long result, length = order->length;
    loff_t place = order->number;
    memset(bytes, 'a' + order->other, length);
    switch (order->operation) {
    case OPEN: return keep(order->slot, open(name, order->second | O_CLOEXEC, order->number & MODES));
    case CLOSE: result = close(file); slots[order->slot] = -1; return result;
    case READ: result = read(file, bytes, length); break;
    case WRITE: return write(file, bytes, length);
    case PREAD: result = pread(file, bytes, length, place - 100); break;
    case PWRITE: return pwrite(file, bytes, length, place - 100);
    case SEEK: return lseek(file, place - MOST / 4, order->other % 6);
    case RESIZE: return ftruncate(file, place - 10);
    case TRUNCATE: return truncate(name, place - 10);
    case MKDIR: return mkdir(name, place & MODES);
    case RMDIR: return rmdir(name);
    case UNLINK: return unlink(name);
    case RENAME: return syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other, order->second);
    case LINK: return linkat(AT_FDCWD, name, AT_FDCWD, other, order->second & 1 ? AT_SYMLINK_FOLLOW : 0);
    case SYMLINK: return symlink(name, other);
    case READLINK: result = readlink(name, bytes, length % 5); break;
    case CHMOD: return chmod(name, place & MODES);
    case OPEN_MODE: return fchmod(file, place & MODES);
    case CHOWN: return fchownat(AT_FDCWD, name, order->second - 1, order->slot - 1, order->number & 1 ? AT_SYMLINK_NOFOLLOW : 0);
    case OPEN_OWNER: return fchown(file, order->second - 1, order->slot - 1);
    case STAT: result = lstat(name, &status); *data = result ? 0 : describe(&status); return result;
    case OPEN_STAT: result = fstat(file, &status); *data = result ? 0 : describe(&status); return result;
    case ACCESS: return access(name, (order->slot + order->second) & (R_OK | W_OK));
    case LIST: return list(name, data);
    case ALLOCATE: return fallocate(file, order->second, place, length);
    case DUPLICATE: return file < 0 ? -2 : keep(order->second % SLOTS, dup(file));
    case SEND: return sendfile(file, second, 0, length);
    case COPY: return syscall(SYS_copy_file_range, file, &place, second, 0, length, 0);
    case LOCK: return flock(file, order->second % 3 == 0 ? LOCK_UN : (order->second % 3) | LOCK_NB);
    case LOCK_PART: case TEST_LOCK: return lock_part(file, order, data);
    case SET_ATTRIBUTE: return lsetxattr(name, "user.a", bytes, length % 100, order->second % 3);
    case GET_ATTRIBUTE: result = getxattr(name, "user.a", bytes, length % 100); break;
    case LIST_ATTRIBUTES: return listxattr(name, bytes, length % 20);
    case REMOVE_ATTRIBUTE: return removexattr(name, "user.a");
    case UNNAMED: return keep(order->slot, open(name, O_TMPFILE | O_RDWR | (order->second & 1 ? O_EXCL : 0), 0644));
    case NAME_OPEN: return linkat(file, "", AT_FDCWD, name, AT_EMPTY_PATH);
    case FLAGS: result = fcntl(file, F_GETFL); return result < 0 ? -1 : result & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_PATH);
    case SET_FLAGS: return fcntl(file, F_SETFL, order->second & 1 ? O_APPEND : O_NONBLOCK);
    case TIMES: return set_times(name, order);
    case MAP: return map(file, order);
    default: return -1;
    }
    *data = result > 0 ? mix(result, bytes, result) : 0;
    return result;
}

static void *serve(void *argument) {
    int number = *(const int *)argument;
    struct order order;
    while (read(orders[number][0], &order, sizeof order) == sizeof order) {
        struct answer answer = {0};
        answer.result = act(&order, &answer.data);
        answer.error = answer.result == -1 ? errno : 0;
        if (write(answers[number][1], &answer, sizeof answer) != sizeof answer)
            _exit(1);
    }
    return 0;
}

static void begin(int first, int user) {
    static int numbers[THREADS];
    pthread_t thread;
    if (fork())
        return;
    if (user && (setgid(user) || setuid(user)))
        _exit(1);
    for (int i = 0; i < SLOTS; i++)
        slots[i] = -1;
    for (int i = 0; i < ACTORS; i++)
        close(orders[i][1]);
    numbers[0] = first, numbers[1] = first + 1;
    if (pthread_create(&thread, 0, serve, numbers + 1))
        _exit(1);
    serve(numbers);
    pthread_join(thread, 0);
    _exit(0);
}

static struct answer ask(int actor, const struct order *order) {
    struct answer answer = {0};
    if (write(orders[actor][1], order, sizeof *order) != sizeof *order ||
        read(answers[actor][0], &answer, sizeof answer) != sizeof answer)
        _exit(1);
    return answer;
}

static struct order choose(int step) {
    struct order order = {
        .operation = chance(END), .name = chance(NAMES), .other = chance(NAMES),
        .slot = chance(SLOTS), .second = chance(4), .number = chance(MOST), .length = chance(MOST),
    };
    if (step < FIRST || chance(6) == 0)
        order.operation = chance(3) ? OPEN : MKDIR;
    if (order.operation == OPEN)
        order.second = step < FIRST ? O_RDWR | O_CREAT : flags[chance(sizeof flags / sizeof *flags)];
    if (chance(2))  // so that not too much is out of reach of the other user
        order.number |= 0606 | (order.operation == MKDIR ? 0707 : 0);
    return order;
}

// Whom the other user may have linked depends on settings of Linux, too (fs.protected_hardlinks).
static int choose_actor(const struct order *order) {
    return chance(order->operation == LINK || order->operation == NAME_OPEN ? THREADS : ACTORS);
}

// Memory that was asked for is a hole for Linux until it is used, and is none here: no sequence asks
// for memory and for holes.
static void separate(unsigned long seed, struct order *order) {
    if (order->operation == ALLOCATE && seed & 1)
        order->second |= FALLOC_FL_PUNCH_HOLE;
    if (order->operation == SEEK && !(seed & 1))
        order->other %= SEEK_END + 1;
}

static void run(unsigned long seed, int each) {
    printf("begin %lu\n%lu ", seed, seed);
    state = seed * 2654435761u + 1;
    for (int step = 0; step < STEPS; step++) {
        struct order order = choose(step);
        separate(seed, &order);
        int actor = choose_actor(&order);
        struct answer answer = ask(actor, &order);
        uint64_t data = answer.data ^ answer.data >> 32;
        if (each)
            printf("\n%d: %s %s %s, slot %d, second %d, number %ld, length %ld, by %d: %ld, error %d ",
                   step, operations[order.operation], names[order.name], names[order.other], order.slot,
                   order.second, order.number, order.length, actor, answer.result, answer.error);
        else if (answer.error)
            printf("e%d_", answer.error);
        else if (data)
            printf("%lxd%x_", answer.result, (unsigned)(data ^ data >> 16) & 0xffff);
        else
            printf("%lx_", answer.result);
    }
    puts("");
    fflush(stdout);
}

static int forget(const char *name, const struct stat *status, int kind, struct FTW *depth) {
    return remove(name);
}

// Runs a sequence in a folder of its own, by processes of its own.
static int one(unsigned long seed, int each) {
    for (int i = 0; i < ACTORS; i++)
        if (pipe2(orders[i], O_CLOEXEC) || pipe2(answers[i], O_CLOEXEC))
            return 0;
    if (mkdir("sequence", 0777) || chdir("sequence"))
        return 0;
    begin(0, 0);
    begin(THREADS, OTHER_USER);
    run(seed, each);
    for (int i = 0; i < ACTORS; i++)
        close(orders[i][0]), close(orders[i][1]), close(answers[i][0]), close(answers[i][1]);
    while (wait(0) > 0)
        continue;
    return chdir("..") == 0 && nftw("sequence", forget, SLOTS, FTW_DEPTH | FTW_PHYS) == 0;
}

int main(int count, char **arguments) {
    FILE *cases = fopen(count > 1 ? arguments[1] : "/cases", "r");
    char folder[] = "sequences-XXXXXX";
    unsigned long seed;
    umask(0);
    if (!cases || chdir(count > 2 ? arguments[2] : "/tmp") || !mkdtemp(folder) || chdir(folder))
        return 1;
    if (chmod(".", 0711))
        return 1;
    while (fscanf(cases, "%lu", &seed) == 1)
        if (!one(seed, count > 3))
            return 1;
    return chdir("..") || rmdir(folder);
}
