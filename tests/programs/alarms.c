// The timers that each process has, over threads and other programs.
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static volatile int came[65], code;

static void handle(int number, siginfo_t *info, void *context) {
    came[number]++;
    code = info->si_code;
}

static void set(int kind, long value, long interval) {
    struct itimerval setting = {{interval / 1000000, interval % 1000000},
                                {value / 1000000, value % 1000000}};
    setitimer(kind, &setting, 0);
}

static void *wait_for_alarm(void *stop) {
    while (!*(volatile int *)stop)
        ;
    return 0;
}

int main(int count, char **arguments) {
    struct itimerval now, zero = {0};
    if (count > 1) {  // the program that this one has become
        sigset_t alarm;
        int number;
        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        CHECK(getitimer(ITIMER_REAL, &now) == 0 && now.it_interval.tv_usec == 1000);
        CHECK(getitimer(ITIMER_PROF, &now) == 0 && now.it_value.tv_sec > 90);
        CHECK(sigwait(&alarm, &number) == 0 && number == SIGALRM);
        return 0;
    }
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &action, 0);
    sigaction(SIGVTALRM, &action, 0);
    sigaction(SIGPROF, &action, 0);

    // The signal is for the process: a thread that does not block it takes it.
    volatile int stop = 0;
    pthread_t thread;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    CHECK(pthread_create(&thread, 0, wait_for_alarm, (void *)&stop) == 0);
    sigprocmask(SIG_BLOCK, &all, 0);
    set(ITIMER_REAL, 2000, 0);
    while (!came[SIGALRM])
        ;
    CHECK(code == SI_KERNEL);

    // Processor time is that of all threads. This one only sleeps.
    struct timespec nap = {0, 5000000};
    set(ITIMER_VIRTUAL, 20000, 0);
    set(ITIMER_PROF, 20000, 0);
    for (int i = 0; i < 4000 && !(came[SIGVTALRM] && came[SIGPROF]); i++)
        nanosleep(&nap, 0);
    CHECK(came[SIGVTALRM] == 1 && came[SIGPROF] == 1);
    stop = 1;
    pthread_join(thread, 0);

    // One that nobody takes comes once, and goes on afterwards.
    came[SIGALRM] = 0;
    set(ITIMER_REAL, 1000, 1000);
    nap.tv_nsec = 20000000;
    nanosleep(&nap, 0);
    CHECK(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_usec <= 1000);
    CHECK(now.it_value.tv_sec == 0 && now.it_interval.tv_usec == 1000);
    CHECK(sigpending(&none) == 0 && sigismember(&none, SIGALRM) && came[SIGALRM] == 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    while (came[SIGALRM] < 3)
        ;
    CHECK(setitimer(ITIMER_REAL, 0, &now) == 0 && now.it_interval.tv_usec == 1000);
    CHECK(getitimer(ITIMER_REAL, &now) == 0 && memcmp(&now, &zero, sizeof now) == 0);

    // Others go on while one gets alarms faster than it can handle them.
    int status;
    pid_t child = fork();
    if (!child) {
        set(ITIMER_REAL, 1, 1);
        for (;;)
            pause();
    }
    nanosleep(&nap, 0);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);

    // They stay over another program, but not in a child.
    set(ITIMER_REAL, 1000, 1000);
    set(ITIMER_PROF, 100000000, 0);
    child = fork();
    if (!child) {
        CHECK(getitimer(ITIMER_REAL, &now) == 0 && memcmp(&now, &zero, sizeof now) == 0);
        sigprocmask(SIG_BLOCK, &all, 0);
        set(ITIMER_REAL, 20000, 1000);
        set(ITIMER_PROF, 100000000, 0);
        execl(arguments[0], arguments[0], "second", (char *)0);
        _exit(99);
    }
    while (waitpid(child, &status, 0) != child)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}
