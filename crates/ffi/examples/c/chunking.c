/*
 * Real-time chunking in C, with limits and checked plans: a policy plans 20 times a second, the robot takes a command every
 * millisecond, and neither waits for the other.
 *
 *     chunking [POLICY]
 *
 * The robot is a point in the plane, its commands are velocities, and the policy would move it at 1 where 0.8 is allowed: its plans
 * are refined until they keep that, and a trajectory generator keeps the commands within limits whatever is planned.
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "parapolicy.h"

enum { AXES = 2, CYCLES_A_PERIOD = 50, CYCLES_AT_MOST = 60000 };

static const uint64_t CYCLE_NS = 1000000, PERIOD_NS = CYCLES_A_PERIOD * 1000000u;
static const double CYCLE = 1e-3, NEAR = 0.02;
static const double FASTEST = 0.8, CHANGE = 6.0, CHANGE_OF_IT = 120.0, AND_OF_THAT = 5e3;

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

static void sleep_until(uint64_t deadline_ns) {
  struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000u), .tv_nsec = (long)(deadline_ns % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) != 0) {
  }
}

static parapolicy_controller *start(const char *policy) {
  const double still[AXES] = {0.0, 0.0}, slowest[AXES] = {-FASTEST, -FASTEST}, fastest[AXES] = {FASTEST, FASTEST};
  const double change[AXES] = {CHANGE, CHANGE}, change_of_it[AXES] = {CHANGE_OF_IT, CHANGE_OF_IT};
  const double and_of_that[AXES] = {AND_OF_THAT, AND_OF_THAT};

  parapolicy_options options;
  must(parapolicy_options_default(&options, sizeof options), "options");
  options.provider = "cpu"; /* ONNX Runtime: this network is not one that the library runs itself */

  parapolicy_config config;
  must(parapolicy_config_default(&config, sizeof config), "config");
  config.period_ns = PERIOD_NS;
  config.replan = PARAPOLICY_REPLAN_EVERY;
  config.replan_count = 2;
  config.late = PARAPOLICY_LATE_FINISH;
  config.action_dim = AXES;
  config.initial = config.safe = still; /* actions are velocities: to be safe is to stand still */
  /* A plan begins with what will have been sent when it is there, and is there when the one before it runs out. */
  config.continuity = PARAPOLICY_CONTINUITY_EXPONENTIAL;
  config.deadline_quantile = 0.95;
  /* A plan that asks for more is refined, for 20 ms at most; one that still does ends before it. */
  config.plan_min = slowest;
  config.plan_max = fastest;
  config.plan_refine_ns = 20000000;
  config.plan_failing = PARAPOLICY_FAILING_CUT;
  /* What lies between two actions, and what no command exceeds. */
  config.interpolation = PARAPOLICY_INTERPOLATION_CUBIC;
  config.min = slowest;
  config.max = fastest;
  config.cycle_ns = CYCLE_NS;
  config.max_velocity = change;
  config.max_acceleration = change_of_it;
  config.max_jerk = and_of_that;

  parapolicy_controller *controller;
  must(parapolicy_controller_start(policy, &options, &config, &controller), "start");
  return controller;
}

/* The largest share of a limit that the last commands, the newest first, make use of. */
static double used(const double sent[4]) {
  const double differences[] = {
      sent[0] / FASTEST,
      (sent[0] - sent[1]) / (CHANGE * CYCLE),
      (sent[0] - 2 * sent[1] + sent[2]) / (CHANGE_OF_IT * pow(CYCLE, 2)),
      (sent[0] - 3 * sent[1] + 3 * sent[2] - sent[3]) / (AND_OF_THAT * pow(CYCLE, 3)),
  };
  double most = 0.0;
  for (int order = 0; order < 4; ++order) {
    most = fmax(most, fabs(differences[order]));
  }
  return most;
}

int main(int count, char **arguments) {
  parapolicy_controller *controller = start(count > 1 ? arguments[1] : "crates/ffi/examples/point");
  double position[AXES] = {-0.6, 0.5}, sent[AXES][4] = {{0}}, most = 0.0, distance = INFINITY;
  const double target[AXES] = {0.4, -0.3};
  unsigned refined = 0, others = 0;

  const uint64_t begun = now_ns();
  for (uint64_t cycle = 0; cycle < CYCLES_AT_MOST && distance > NEAR; ++cycle) {
    sleep_until(begun + cycle * CYCLE_NS);
    const uint64_t time = now_ns() - begun;
    if (cycle % CYCLES_A_PERIOD == 0) {
      const double observation[] = {position[0], position[1], target[0], target[1]};
      must(parapolicy_controller_observe(controller, observation, 4, time), "observe");
    }
    double velocity[AXES];
    must(parapolicy_controller_command(controller, time, velocity, AXES, NULL), "command");
    for (int axis = 0; axis < AXES; ++axis) {
      const double last[4] = {velocity[axis], sent[axis][0], sent[axis][1], sent[axis][2]};
      most = fmax(most, used(last));
      for (int back = 0; back < 4; ++back) {
        sent[axis][back] = last[back];
      }
      position[axis] += velocity[axis] * CYCLE;
    }
    distance = hypot(target[0] - position[0], target[1] - position[1]);

    parapolicy_event event;
    while (parapolicy_controller_event(controller, &event) == PARAPOLICY_STATUS_OK &&
           event.kind != PARAPOLICY_EVENT_KIND_NONE) {
      refined += event.kind == PARAPOLICY_EVENT_KIND_REFINED;
      others += event.kind != PARAPOLICY_EVENT_KIND_REFINED;
      printf("%5.2f s  %s\n", (double)time * 1e-9, event.message);
    }
  }

  must(parapolicy_controller_stop(controller, 5000000000u), "stop");
  parapolicy_health health;
  must(parapolicy_controller_health(controller, &health), "health");
  parapolicy_controller_free(controller);
  printf("%.3f from the target; %u plans, %u refined, %u other events; commands use %.0f %% of their limits\n", distance,
         (unsigned)health.plans, refined, others, 100.0 * most);
  return distance <= NEAR && most <= 1.0 + 1e-6 ? 0 : 1;
}
