// What files have beside their contents (xattr(7)).
#include "check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define NAME "/tmp/extendedattributes"

static char text[70000];

// Whether exactly these names are there, in any order.
static int lists(const char *name, const char *const *wanted) {
    int length = 0, got = listxattr(name, text, sizeof text), found = 0;
    for (; *wanted; wanted++) {
        length += strlen(*wanted) + 1;
        for (char *one = text; one < text + got; one += strlen(one) + 1)
            found += !strcmp(one, *wanted) ? strlen(one) + 1 : 0;
    }
    return got == length && found == length && listxattr(name, 0, 0) == length;
}

static void values(void) {
    FAILS(getxattr(NAME, "user.a", text, 10), ENODATA);
    CHECK(listxattr(NAME, text, sizeof text) == 0);
    CHECK(!setxattr(NAME, "user.a", "value", 5, XATTR_CREATE));
    CHECK(getxattr(NAME, "user.a", 0, 0) == 5 && getxattr(NAME, "user.a", text, 5) == 5);
    CHECK(!memcmp(text, "value", 5));
    FAILS(getxattr(NAME, "user.a", text, 4), ERANGE);
    FAILS(setxattr(NAME, "user.a", "", 0, XATTR_CREATE), EEXIST);
    FAILS(setxattr(NAME, "user.ab", "", 0, XATTR_REPLACE), ENODATA);
    CHECK(!setxattr(NAME, "user.a", "", 0, XATTR_REPLACE) && getxattr(NAME, "user.a", text, 5) == 0);
    CHECK(!setxattr(NAME, "user.ab", "x", 1, 0) && !setxattr(NAME, "security.a", "y", 1, 0));
    CHECK(!setxattr(NAME, "trusted.a", "z", 1, 0));
    CHECK(lists(NAME, (const char *[]){"user.a", "user.ab", "security.a", "trusted.a", 0}));
    FAILS(listxattr(NAME, text, 10), ERANGE);
    CHECK(!removexattr(NAME, "user.ab"));
    FAILS(removexattr(NAME, "user.ab"), ENODATA);
    CHECK(lists(NAME, (const char *[]){"user.a", "security.a", "trusted.a", 0}));
}

static void refusals(void) {
    FAILS(setxattr(NAME, "user.", "", 0, 0), EINVAL);
    FAILS(setxattr(NAME, "", "", 0, 0), ERANGE);
    FAILS(setxattr(NAME, "users.a", "", 0, 0), EOPNOTSUPP);
    FAILS(setxattr(NAME, "user", "", 0, 0), EOPNOTSUPP);
    FAILS(setxattr(NAME, "user.a", "", 0, 4), EINVAL);
    FAILS(setxattr(NAME, "user.a", text, 65537, 0), E2BIG);
    FAILS(setxattr(NAME, "user.a", (void *)1, 5, 0), EFAULT);
    FAILS(setxattr(NAME, (void *)1, "", 0, 0), EFAULT);
    FAILS(setxattr("/tmp/none", "user.a", "", 0, 0), ENOENT);
    FAILS(fsetxattr(-1, "user.a", "", 0, 0), EBADF);
    char name[300] = "user.";
    memset(name + 5, 'n', 251);
    FAILS(setxattr(NAME, name, "", 0, 0), ERANGE);
    name[255] = 0;
    CHECK(!setxattr(NAME, name, "", 0, 0) && !removexattr(NAME, name));
    for (int i = 0; i < sizeof text; i++)
        text[i] = i * 7 >> 4;
    CHECK(!setxattr(NAME, "user.large", text, 65536, 0));
    static char copy[65536];
    CHECK(getxattr(NAME, "user.large", copy, 65536) == 65536 && !memcmp(copy, text, 65536));
    CHECK(!removexattr(NAME, "user.large"));
}

static void links(void) {
    CHECK(!symlink(NAME, NAME "-link"));
    CHECK(getxattr(NAME "-link", "security.a", text, 10) == 1);
    FAILS(lgetxattr(NAME "-link", "security.a", text, 10), ENODATA);
    FAILS(lgetxattr(NAME "-link", "user.a", text, 10), ENODATA);
    FAILS(lsetxattr(NAME "-link", "user.a", "", 0, 0), EPERM);
    CHECK(!lsetxattr(NAME "-link", "trusted.b", "b", 1, 0));
    CHECK(llistxattr(NAME "-link", text, sizeof text) == 10 && !strcmp(text, "trusted.b"));
    CHECK(!lremovexattr(NAME "-link", "trusted.b") && llistxattr(NAME "-link", text, 1) == 0);
    int file = open(NAME, O_RDONLY), place = open(NAME, O_PATH);
    CHECK(fgetxattr(file, "security.a", text, 10) == 1 && !fsetxattr(file, "user.b", "b", 1, 0));
    CHECK(flistxattr(file, 0, 0) == listxattr(NAME, 0, 0) && !fremovexattr(file, "user.b"));
    FAILS(fgetxattr(place, "user.a", text, 10), EBADF);
    CHECK(!close(file) && !close(place) && !unlink(NAME "-link"));
}

static void rights(void) {
    CHECK(!chmod(NAME, 0644) && !mkdir(NAME "-directory", 0777) && !chmod(NAME "-directory", 01777));
    CHECK(!seteuid(1));
    CHECK(getxattr(NAME, "security.a", text, 10) == 1 && getxattr(NAME, "user.a", text, 10) == 0);
    FAILS(getxattr(NAME, "trusted.a", text, 10), ENODATA);
    CHECK(lists(NAME, (const char *[]){"user.a", "security.a", 0}));
    FAILS(setxattr(NAME, "trusted.a", "", 0, 0), EPERM);
    FAILS(setxattr(NAME, "security.a", "", 0, 0), EPERM);
    FAILS(setxattr(NAME, "user.a", "", 0, 0), EACCES);
    FAILS(removexattr(NAME, "trusted.a"), EPERM);
    FAILS(setxattr(NAME "-directory", "user.a", "", 0, 0), EPERM);  // it is sticky
    CHECK(!seteuid(0) && !chmod(NAME "-directory", 0777) && !chmod(NAME, 0600) && !seteuid(1));
    CHECK(!setxattr(NAME "-directory", "user.a", "", 0, 0));
    FAILS(getxattr(NAME, "user.a", text, 10), EACCES);
    CHECK(!seteuid(0) && !rmdir(NAME "-directory"));
}

int main(void) {
    int file = open(NAME, O_CREAT | O_RDWR, 0600);
    CHECK(file >= 0 && !close(file));
    values();
    refusals();
    links();
    rights();
    CHECK(!unlink(NAME));
    return 0;
}
