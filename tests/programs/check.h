// Programs that check themselves: they exit with the number of the first check that fails, or with
// 255 from that one on.
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

static int step;
#define CHECK(condition) do { step++; if (!(condition)) _exit(step < 255 ? step : 255); } while (0)
#define FAILS(call, error) CHECK((call) == -1 && errno == (error))
