// How threads are scheduled, and what there is to run them.
#include "check.h"
#include <sched.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)
#define BAD ((void *)8)

int main(void) {
    unsigned long set[64];
    struct sched_param parameter = {7};
    struct sysinfo told;
    CHECK(CALL(sched_get_priority_max, SCHED_FIFO) == 99 && CALL(sched_get_priority_min, SCHED_RR) == 1);
    CHECK(CALL(sched_get_priority_max, SCHED_OTHER) == 0 && CALL(sched_get_priority_min, SCHED_BATCH) == 0);
    FAILS(CALL(sched_get_priority_max, 4), EINVAL);
    FAILS(CALL(sched_get_priority_min, -1), EINVAL);
    CHECK(CALL(sched_getscheduler, 0) == SCHED_OTHER && CALL(sched_getscheduler, getpid()) == 0);
    FAILS(CALL(sched_getscheduler, -1), EINVAL);
    FAILS(CALL(sched_getscheduler, 32000), ESRCH);
    CHECK(CALL(sched_getparam, 0, &parameter) == 0 && parameter.sched_priority == 0);
    FAILS(CALL(sched_getparam, 0, 0), EINVAL);
    FAILS(CALL(sched_getparam, -1, &parameter), EINVAL);
    FAILS(CALL(sched_getparam, 32000, &parameter), ESRCH);
    FAILS(CALL(sched_getparam, 0, BAD), EFAULT);
    int size = CALL(sched_getaffinity, 0, sizeof set, set);
    CHECK(size >= 8 && size % 8 == 0 && set[0] & 1);
    FAILS(CALL(sched_getaffinity, 0, 12, set), EINVAL);
    FAILS(CALL(sched_getaffinity, 0, 0, set), EINVAL);
    FAILS(CALL(sched_getaffinity, 32000, sizeof set, set), ESRCH);
    FAILS(CALL(sched_getaffinity, 0, sizeof set, BAD), EFAULT);
    CHECK(CALL(sysinfo, &told) == 0 && told.procs > 0 && told.mem_unit > 0);
    CHECK(told.totalram > 0 && told.freeram > 0 && told.freeram <= told.totalram);
    FAILS(CALL(sysinfo, BAD), EFAULT);
    return 0;
}
