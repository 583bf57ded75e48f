/*
 * A robot's loop in C: a point in the plane is led to a target, a step 20 times a second, until it is there.
 *
 *     loop [POLICY [LOG]]
 *
 * The policy's first plan takes as long as it takes; until it is there the point stands still, and the loop goes on.
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "parapolicy.h"

enum { AXES = 2, TICKS_AT_MOST = 1200 };

static const uint64_t PERIOD_NS = 50000000;
static const double NEAR = 0.02;

/* Ends the program if a call failed that must not fail. */
static void must(parapolicy_status status, const char *call) {
  if (status != PARAPOLICY_STATUS_OK) {
    fprintf(stderr, "%s: %d: %s\n", call, (int)status, parapolicy_last_error());
    exit(1);
  }
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Deadlines are absolute, so that a late tick does not make the next ones late. */
static void sleep_until(uint64_t deadline_ns) {
  struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000u), .tv_nsec = (long)(deadline_ns % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) != 0) {
  }
}

static parapolicy_controller *start(const char *policy, const char *log) {
  static const double still[AXES] = {0.0, 0.0}, slowest[AXES] = {-0.8, -0.8}, fastest[AXES] = {0.8, 0.8};
  static const double change[AXES] = {0.4, 0.4}, fast[AXES] = {1.6, 1.6};

  parapolicy_options options;
  must(parapolicy_options_default(&options, sizeof options), "options");
  options.sampler = "picard";
  options.provider = "cpu"; /* ONNX Runtime: this network is not one that the library runs itself */

  parapolicy_config config;
  must(parapolicy_config_default(&config, sizeof config), "config");
  config.period_ns = PERIOD_NS;
  config.replan = PARAPOLICY_REPLAN_EVERY;
  config.replan_count = 2;
  config.action_dim = AXES;
  config.initial = config.safe = still; /* actions are velocities: to be safe is to stand still */
  config.min = slowest;
  config.max = fastest;
  config.max_change = change;
  config.continuity = PARAPOLICY_CONTINUITY_EXPONENTIAL; /* plans go on with the one before */
  config.plan_max = fast;                                 /* a plan that asks for more than twice that is refused */
  config.log = log; /* null: none */

  parapolicy_controller *controller;
  must(parapolicy_controller_start(policy, &options, &config, &controller), "start");
  return controller;
}

int main(int count, char **arguments) {
  parapolicy_controller *controller = start(count > 1 ? arguments[1] : "crates/ffi/examples/point", count > 2 ? arguments[2] : NULL);
  double position[AXES] = {-0.6, 0.5};
  const double target[AXES] = {0.4, -0.3};

  double distance = INFINITY;
  const uint64_t begun = now_ns();
  for (uint64_t tick = 0; tick < TICKS_AT_MOST && distance > NEAR; ++tick) {
    sleep_until(begun + tick * PERIOD_NS);
    const uint64_t time = now_ns() - begun;

    const double observation[] = {position[0], position[1], target[0], target[1]};
    must(parapolicy_controller_observe(controller, observation, 4, time), "observe");

    double velocity[AXES];
    parapolicy_command command;
    must(parapolicy_controller_command(controller, time, velocity, AXES, &command), "command");
    for (int axis = 0; axis < AXES; ++axis) {
      position[axis] += velocity[axis] * (double)PERIOD_NS * 1e-9;
    }
    distance = hypot(target[0] - position[0], target[1] - position[1]);
    if (tick % 10 == 0) {
      printf("%4.2f s  at (%6.3f, %6.3f)  source %u, withheld %u\n", (double)time * 1e-9, position[0], position[1],
             (unsigned)command.source, (unsigned)command.withheld);
    }

    parapolicy_event event;
    while (parapolicy_controller_event(controller, &event) == PARAPOLICY_STATUS_OK &&
           event.kind != PARAPOLICY_EVENT_KIND_NONE) {
      fprintf(stderr, "%s\n", event.message);
    }
  }

  must(parapolicy_controller_stop(controller, 5000000000u), "stop");
  parapolicy_health health;
  must(parapolicy_controller_health(controller, &health), "health");
  parapolicy_controller_free(controller);

  printf("%.3f from the target; %u plans, p50 %.2f ms, max %.2f ms, %u failures\n", distance, (unsigned)health.plans,
         health.latency_p50_ms, health.latency_max_ms, (unsigned)health.failures);
  return distance <= NEAR && health.failures == 0 ? 0 : 1;
}
