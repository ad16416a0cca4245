// What programs look for in /sys: processors, devices, settings.
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static char text[8192], name[600], place[4096];

static int slurp(const char *path) {
    int file = open(path, O_RDONLY), got, size = 0;
    if (file < 0)
        return -1;
    while ((got = read(file, text + size, sizeof text - 1 - size)) > 0)
        size += got;
    text[size] = 0;
    close(file);
    return got < 0 ? -1 : size;
}

static void processors(void) {
    int first, last, count = 0, number;
    CHECK(slurp("/sys/devices/system/cpu/online") > 0);
    int parts = sscanf(text, "%d-%d", &first, &last);
    CHECK(parts >= 1 && first == 0 && text[strlen(text) - 1] == '\n');
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) <= (parts == 2 ? last + 1 : 1));
    DIR *all = opendir("/sys/devices/system/cpu");
    CHECK(all);
    for (struct dirent *one; (one = readdir(all));)
        if (sscanf(one->d_name, "cpu%d", &number) == 1) {
            count++;
            CHECK(one->d_type == DT_DIR);
        }
    CHECK(closedir(all) == 0 && count == (parts == 2 ? last + 1 : 1));
    CHECK(slurp("/sys/devices/system/cpu/possible") > 0 && slurp("/sys/devices/system/cpu/present") > 0);
    if (access("/sys/devices/system/cpu/cpu0/topology", F_OK) == 0) {
        CHECK(slurp("/sys/devices/system/cpu/cpu0/topology/core_id") > 0 && atoi(text) >= 0);
        CHECK(slurp("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list") > 0);
        CHECK(slurp("/sys/devices/system/cpu/cpu0/topology/core_siblings") > 0 && strtol(text, 0, 16));
    }
}

static void devices(void) {
    CHECK(slurp("/sys/class/mem/null/dev") == 4 && !strcmp(text, "1:3\n"));
    CHECK(slurp("/sys/class/mem/null/uevent") > 0 && strstr(text, "DEVNAME=null\n"));
    int length = readlink("/sys/class/mem/null", name, sizeof name - 1);
    CHECK(length > 0);
    name[length] = 0;
    CHECK(!strcmp(name, "../../devices/virtual/mem/null"));
    CHECK(realpath("/sys/dev/char/1:3", place) && !strcmp(place, "/sys/devices/virtual/mem/null"));
    CHECK(realpath("/sys/class/mem/null/subsystem", place) && !strcmp(place, "/sys/class/mem"));
    CHECK(access("/sys/class/tty/console/dev", R_OK) == 0);
}

static void bus(void) {
    DIR *all = opendir("/sys/bus/pci/devices");
    unsigned group, number, device, function, vendor, kind, config;
    if (!all)
        return;
    for (struct dirent *one; (one = readdir(all));) {
        if (one->d_name[0] == '.')
            continue;
        CHECK(sscanf(one->d_name, "%x:%x:%x.%u", &group, &number, &device, &function) == 4);
        CHECK(one->d_type == DT_LNK);
        snprintf(name, sizeof name, "/sys/bus/pci/devices/%s/vendor", one->d_name);
        CHECK(slurp(name) == 7 && sscanf(text, "0x%x", &vendor) == 1);
        strcpy(strrchr(name, '/'), "/class");
        CHECK(slurp(name) == 9 && sscanf(text, "0x%x", &kind) == 1);
        strcpy(strrchr(name, '/'), "/config");
        CHECK(slurp(name) >= 64 && (text[0] & 255) == (vendor & 255) && (text[11] & 255) == kind >> 16);
        strcpy(strrchr(name, '/'), "/resource");
        CHECK(slurp(name) >= 57 * 7 && slurp(name) % 57 == 0);
        strcpy(strrchr(name, '/'), "/uevent");
        CHECK(slurp(name) > 0 && strstr(text, "PCI_SLOT_NAME="));
    }
    CHECK(closedir(all) == 0);
}

int main(void) {
    int is_ours = access("/sys/devices", F_OK) != 0;
    struct statfs kind;
    if (is_ours) {
        mkdir("/sys", 0755);
        CHECK(mount("sysfs", "/sys", "sysfs", 0, 0) == 0);
        CHECK(statfs("/sys", &kind) == 0 && kind.f_type == 0x62656572);
    }
    processors();
    if (is_ours) {
        devices();
        FAILS(mkdir("/sys/new", 0755), EPERM);
        FAILS(open("/sys/none", O_RDONLY), ENOENT);
    }
    bus();
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0)
        CHECK(slurp("/sys/kernel/mm/transparent_hugepage/enabled") > 0 && strchr(text, '['));
    CHECK(!is_ours || umount("/sys") == 0);
    return 0;
}
