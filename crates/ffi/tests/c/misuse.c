/*
 * All that a caller can do wrong and that can be told: a code, words, and no harm.
 *
 *     misuse POLICY
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parapolicy.h"

static int failed = 0;

/* The call must come to this status, and in case of failure its words must hold these. */
static void expect_at(int line, parapolicy_status found, parapolicy_status expected, const char *words) {
  if (found != expected || (expected != PARAPOLICY_STATUS_OK && strstr(parapolicy_last_error(), words) == NULL)) {
    fprintf(stderr, "line %d: %d (%s), but expected %d (%s)\n", line, (int)found, parapolicy_last_error(), (int)expected,
            words);
    failed = 1;
  }
}

#define expect(call, status, words) expect_at(__LINE__, call, PARAPOLICY_STATUS_##status, words)

/* The engine runs U-Nets, and this network is none. */
static parapolicy_options by_onnx_runtime;

static const double ZEROS[4] = {0.0, 0.0, 0.0, 0.0};

static void of_options(const char *policy) {
  parapolicy_options options;
  parapolicy_policy *handle = NULL;
  expect(parapolicy_options_default(NULL, sizeof options), NULL, "`options` is null");
  expect(parapolicy_options_default(&options, 3), VERSION, "its size is 3");
  expect(parapolicy_options_default(&options, sizeof options + 8), VERSION, "its size is");
  expect(parapolicy_options_default(&options, sizeof options), OK, "");
  options.size += 8;
  expect(parapolicy_policy_load(policy, &options, &handle), VERSION, "`options`");
  options.size -= 8;
  options.sampler = "magic";
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "magic");
  options.sampler = "\xff";
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "`sampler` is not UTF-8");
  options.sampler = NULL;
  options.provider = "magic";
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "use native, cpu");
  options.provider = NULL;
  expect(parapolicy_policy_load(policy, &options, &handle), POLICY, "U-Net");
  options.precision = "f64";
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "use f32, bf16");
  options.precision = NULL;
  options.provider = "cpu";
  options.steps = 0;
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "");
  options.steps = 100;
  options.tolerance = NAN;
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "tolerance");
  options.tolerance = 0.1;
  options.provider = NULL;
  options.within = "1 mm";
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "within is in \"mm\"");
  options.tolerance = 0.2;
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "tolerance and within both say");
  options.tolerance = 0.1;
  options.within = NULL;
  options.task = "push";
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "`push` is named, but the policy is told none");
  options.task = NULL;
  options.tuned = "soon";
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "tuned: `soon` is no time");
  options.tuned = "20ms";
  options.steps = 7;
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "leave `steps` out");
  options.steps = 100;
  options.tolerance = 0.2;
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "leave `tolerance` out");
  options.tolerance = 0.1;
  expect(parapolicy_policy_load(policy, &options, &handle), ARGUMENT, "tuned: nothing was measured of this policy");
  options.tuned = NULL;
  options.provider = "cpu";
  expect(parapolicy_policy_load("/nowhere", &options, &handle), POLICY, "/nowhere");
  expect(parapolicy_policy_load(NULL, &options, &handle), NULL, "`directory` is null");
  expect(parapolicy_policy_load(policy, &options, NULL), NULL, "`policy` is null");
  if (handle != NULL) {
    fprintf(stderr, "a handle was written by a call that failed\n");
    failed = 1;
  }
}

static void of_policy(const char *policy) {
  parapolicy_policy *handle;
  parapolicy_shape shape;
  double actions[16], again[16];
  expect(parapolicy_policy_load(policy, &by_onnx_runtime, &handle), OK, "");
  expect(parapolicy_policy_shape(NULL, &shape), NULL, "`policy` is null");
  expect(parapolicy_policy_shape(handle, NULL), NULL, "`shape` is null");
  expect(parapolicy_policy_shape(handle, &shape), OK, "");
  expect(parapolicy_policy_sample(handle, ZEROS, 4, 7, actions, 16), OK, "");
  expect(parapolicy_policy_sample(handle, ZEROS, 4, 7, again, 16), OK, "");
  if (memcmp(actions, again, sizeof actions) != 0 || shape.horizon * shape.action_dim != 16) {
    fprintf(stderr, "the same seed gave another plan, or the shape is wrong\n");
    failed = 1;
  }
  expect(parapolicy_policy_sample(NULL, ZEROS, 4, 7, actions, 16), NULL, "`policy` is null");
  expect(parapolicy_policy_sample(handle, NULL, 4, 7, actions, 16), NULL, "`observations` is null");
  expect(parapolicy_policy_sample(handle, ZEROS, 4, 7, NULL, 16), NULL, "`actions` is null");
  expect(parapolicy_policy_sample(handle, ZEROS, 3, 7, actions, 16), LENGTH, "`observations` has 3 values");
  expect(parapolicy_policy_sample(handle, ZEROS, 4, 7, actions, 4), LENGTH, "`actions` has 4 values");
  const double broken[4] = {0.0, NAN, 0.0, 0.0};
  expect(parapolicy_policy_sample(handle, broken, 4, 7, actions, 16), NOT_FINITE, "position");
  if (memcmp(actions, again, sizeof actions) != 0) {
    fprintf(stderr, "a call that failed wrote actions\n");
    failed = 1;
  }
  parapolicy_policy_free(handle);
  parapolicy_policy_free(NULL);
}

/* Plans with all that may be said of them. */
static void of_drawing(const char *policy) {
  parapolicy_policy *handle;
  parapolicy_drawing drawing;
  parapolicy_cost costs[2] = {{0}};
  double actions[16], together[32], again[16], seen[8] = {0.0}, noise[16] = {0.5}, broken[16] = {NAN};
  expect(parapolicy_policy_load(policy, &by_onnx_runtime, &handle), OK, "");
  expect(parapolicy_drawing_default(NULL, sizeof drawing), NULL, "`drawing` is null");
  expect(parapolicy_drawing_default(&drawing, 3), VERSION, "its size is 3");
  expect(parapolicy_drawing_default(&drawing, sizeof drawing), OK, "");
  expect(parapolicy_policy_draw(handle, NULL), NULL, "`drawing` is null");
  expect(parapolicy_policy_draw(NULL, &drawing), NULL, "`policy` is null");
  expect(parapolicy_policy_draw(handle, &drawing), NULL, "`observations` is null");
  drawing.observations = seen;
  drawing.observations_len = 4;
  expect(parapolicy_policy_draw(handle, &drawing), NULL, "`actions` is null");
  drawing.actions = actions;
  drawing.actions_len = 15;
  expect(parapolicy_policy_draw(handle, &drawing), LENGTH, "`actions` has 15 values");
  drawing.actions_len = 16;
  drawing.seed = 7;
  drawing.costs = costs;
  expect(parapolicy_policy_draw(handle, &drawing), OK, "");
  expect(parapolicy_policy_sample(handle, seen, 4, 7, again, 16), OK, "");
  if (memcmp(actions, again, sizeof actions) != 0 || costs[0].rounds == 0 || costs[0].latency_ns == 0) {
    fprintf(stderr, "another plan than that of the same seed, or one that took nothing\n");
    failed = 1;
  }
  drawing.initial_noise = noise;
  drawing.initial_noise_len = 15;
  expect(parapolicy_policy_draw(handle, &drawing), LENGTH, "`initial_noise` has 15 values");
  drawing.initial_noise_len = 16;
  expect(parapolicy_policy_draw(handle, &drawing), OK, "");
  drawing.initial_noise = broken;
  expect(parapolicy_policy_draw(handle, &drawing), NOT_FINITE, "initial_noise holds a value that is not finite");
  drawing.initial_noise = NULL;
  drawing.step_noise = noise;
  drawing.step_noise_len = 16;
  expect(parapolicy_policy_draw(handle, &drawing), LENGTH, "`step_noise` has 16 values");
  drawing.step_noise = NULL;
  drawing.plans = 0;
  expect(parapolicy_policy_draw(handle, &drawing), ARGUMENT, "`plans` is 0");
  drawing.plans = SIZE_MAX;
  expect(parapolicy_policy_draw(handle, &drawing), ARGUMENT, "`plans` is more than can be counted");
  drawing.plans = 2;
  expect(parapolicy_policy_draw(handle, &drawing), LENGTH, "`observations` has 4 values, but must have 8");
  drawing.observations_len = 8;
  drawing.actions = together;
  drawing.actions_len = 32;
  expect(parapolicy_policy_draw(handle, &drawing), OK, "");
  if (costs[1].rounds == 0) {
    fprintf(stderr, "the second plan took nothing\n");
    failed = 1;
  }
  drawing.initial_noise = noise;
  expect(parapolicy_policy_draw(handle, &drawing), ARGUMENT, "are of one plan");
  drawing.initial_noise = NULL;
  drawing.seed = UINT64_MAX;
  expect(parapolicy_policy_draw(handle, &drawing), ARGUMENT, "`seed`: 2 plans from");
  parapolicy_policy_free(handle);
}

/* Observations by name. */
static void of_entries(const char *policy) {
  parapolicy_entries *handle = NULL;
  parapolicy_entry entry;
  double observation[4] = {NAN, NAN, NAN, NAN};
  const uint8_t pixel[1] = {0};
  parapolicy_image image = {pixel, 1, 1, 1, 1, 1.0};
  expect(parapolicy_entries_load("/nowhere", &handle), POLICY, "there is no such directory");
  expect(parapolicy_entries_load(NULL, &handle), NULL, "`directory` is null");
  expect(parapolicy_entries_load(policy, NULL), NULL, "`entries` is null");
  expect(parapolicy_entries_load(policy, &handle), OK, "");
  expect(parapolicy_entries_observation(handle, 0, NULL, sizeof entry), NULL, "`entry` is null");
  expect(parapolicy_entries_observation(handle, 0, &entry, 3), VERSION, "its size is 3");
  size_t end = 0;
  for (size_t index = 0; parapolicy_entries_observation(handle, index, &entry, sizeof entry) == PARAPOLICY_STATUS_OK &&
                         entry.name != NULL;
       ++index) {
    if (entry.offset != end || entry.len == 0 || entry.rank == 0 || entry.kind != PARAPOLICY_KIND_POSITION) {
      fprintf(stderr, "entry %s lies at %zu\n", entry.name, entry.offset);
      failed = 1;
    }
    end += entry.len;
    const double values[4] = {1.0, 2.0, 3.0, 4.0};
    expect(parapolicy_entries_set(handle, entry.name, values, entry.len, observation, 4), OK, "");
    expect(parapolicy_entries_set(handle, entry.name, values, entry.len + 1, observation, 4), LENGTH, entry.name);
    expect(parapolicy_entries_set(handle, entry.name, values, entry.len, observation, 3), LENGTH, "`observation` has 3");
    expect(parapolicy_entries_set_image(handle, entry.name, &image, observation, 4), ARGUMENT, "is no image");
    expect(parapolicy_entries_set_image(handle, entry.name, NULL, observation, 4), NULL, "`image` is null");
  }
  if (end != 4 || isnan(observation[0] + observation[1] + observation[2] + observation[3])) {
    fprintf(stderr, "%zu numbers were set\n", end);
    failed = 1;
  }
  expect(parapolicy_entries_action(handle, 0, &entry, sizeof entry), OK, "");
  if (entry.offset != 0 || entry.len == 0) {
    fprintf(stderr, "the action's first entry lies at %zu\n", entry.offset);
    failed = 1;
  }
  expect(parapolicy_entries_set(handle, "magic", ZEROS, 2, observation, 4), ARGUMENT, "`magic` is no entry");
  expect(parapolicy_entries_set(handle, NULL, ZEROS, 2, observation, 4), NULL, "`name` is null");
  parapolicy_entries_free(handle);
  parapolicy_entries_free(NULL);
}

static void of_config(const char *policy) {
  parapolicy_config config;
  parapolicy_controller *handle = NULL;
  const double upside_down[2] = {1.0, 1.0}, below[2] = {-1.0, -1.0};
  expect(parapolicy_config_default(&config, 0), VERSION, "its size is 0");
  expect(parapolicy_config_default(&config, sizeof config), OK, "");
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, NULL, &handle), NULL, "`config` is null");
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), NULL, "`initial` is null");
  config.initial = ZEROS;
  config.action_dim = 3;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), LENGTH, "`initial` has 3 values");
  config.action_dim = 2;
  config.period_ns = 0;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), ARGUMENT, "period");
  config.period_ns = 50000000;
  config.late = 17;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), ARGUMENT, "`late` is 17");
  config.late = PARAPOLICY_LATE_HOLD;
  config.replan = PARAPOLICY_REPLAN_BELOW;
  config.replan_count = 0;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), ARGUMENT,
         "replan_below is 0, but must be at least 1");
  config.replan = PARAPOLICY_REPLAN_ALWAYS;
  config.log = "/nowhere/loop.mcap";
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), SYSTEM, "/nowhere/loop.mcap");
  config.log = NULL;
  config.min = upside_down;
  config.max = below;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), ARGUMENT, "max");
  expect(parapolicy_controller_start("/nowhere", &by_onnx_runtime, &config, &handle), POLICY, "/nowhere");
}

static void of_controller(const char *policy) {
  parapolicy_config config;
  parapolicy_controller *handle;
  parapolicy_event event;
  parapolicy_health health;
  parapolicy_troubles troubles;
  double action[2];
  expect(parapolicy_config_default(&config, sizeof config), OK, "");
  config.action_dim = 2;
  config.initial = ZEROS;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), OK, "");
  expect(parapolicy_controller_observe(NULL, ZEROS, 4, 0), NULL, "`controller` is null");
  expect(parapolicy_controller_observe(handle, NULL, 4, 0), NULL, "`observation` is null");
  expect(parapolicy_controller_observe(handle, ZEROS, 5, 0), LENGTH, "`observation` has 5 values");
  const double broken[4] = {0.0, 0.0, INFINITY, 0.0};
  expect(parapolicy_controller_observe(handle, broken, 4, 0), NOT_FINITE, "at 2");
  expect(parapolicy_controller_observe(handle, ZEROS, 4, 0), OK, "");
  expect(parapolicy_controller_command(NULL, 0, action, 2, NULL), NULL, "`controller` is null");
  expect(parapolicy_controller_command(handle, 0, NULL, 2, NULL), NULL, "`action` is null");
  expect(parapolicy_controller_command(handle, 0, action, 1, NULL), LENGTH, "`action` has 1 values");
  expect(parapolicy_controller_command(handle, UINT64_MAX, action, 2, NULL), OK, "");
  expect(parapolicy_controller_event(handle, NULL), NULL, "`event` is null");
  expect(parapolicy_controller_health(handle, NULL), NULL, "`health` is null");
  expect(parapolicy_controller_troubles(handle, NULL, sizeof troubles), NULL, "troubles");
  expect(parapolicy_controller_troubles(handle, &troubles, 4), VERSION, "its size is 4");
  expect(parapolicy_controller_troubles(handle, &troubles, sizeof troubles), OK, "");
  parapolicy_plan plan;
  parapolicy_shape shape;
  double plans[16];
  expect(parapolicy_controller_shape(handle, NULL), NULL, "`shape` is null");
  expect(parapolicy_controller_shape(handle, &shape), OK, "");
  expect(parapolicy_controller_plan(NULL, plans, 16, &plan, sizeof plan), NULL, "`controller` is null");
  expect(parapolicy_controller_plan(handle, NULL, 16, &plan, sizeof plan), NULL, "`actions` is null");
  expect(parapolicy_controller_plan(handle, plans, 15, &plan, sizeof plan), LENGTH, "`actions` has 15 values");
  expect(parapolicy_controller_plan(handle, plans, 16, NULL, sizeof plan), NULL, "`plan` is null");
  expect(parapolicy_controller_plan(handle, plans, 16, &plan, 4), VERSION, "its size is 4");
  expect(parapolicy_controller_plan(handle, plans, 16, &plan, sizeof plan), OK, "");
  expect(parapolicy_controller_rest_at(handle, action, 1), LENGTH, "`action` has 1 values");
  expect(parapolicy_controller_rest_at(handle, NULL, 2), NULL, "`action` is null");
  const double nowhere[2] = {NAN, 0.0};
  expect(parapolicy_controller_rest_at(handle, nowhere, 2), ARGUMENT, "action is NaN");
  expect(parapolicy_controller_rest_at(handle, ZEROS, 2), OK, "");
  expect(parapolicy_controller_plan(handle, plans, 16, &plan, sizeof plan), OK, "");
  if (plan.len != 0) {
    fprintf(stderr, "a plan is in force after all were forgotten\n");
    failed = 1;
  }
  expect(parapolicy_controller_reset(NULL, 1), NULL, "`controller` is null");
  expect(parapolicy_controller_reset(handle, 1), OK, "");

  expect(parapolicy_controller_stop(NULL, 0), NULL, "`controller` is null");
  expect(parapolicy_controller_stop(handle, 20000000000u), OK, "");
  expect(parapolicy_controller_stop(handle, 0), OK, "");
  expect(parapolicy_controller_observe(handle, ZEROS, 4, 1), STOPPED, "was stopped");
  expect(parapolicy_controller_command(handle, 1, action, 2, NULL), STOPPED, "was stopped");
  expect(parapolicy_controller_reset(handle, 1), STOPPED, "was stopped");
  expect(parapolicy_controller_event(handle, &event), OK, "");
  expect(parapolicy_controller_health(handle, &health), OK, "");
  if (event.kind != PARAPOLICY_EVENT_KIND_NONE || health.failures != 0 || health.plans != 1) {
    fprintf(stderr, "%u failures, %u plans, %s\n", (unsigned)health.failures, (unsigned)health.plans, event.message);
    failed = 1;
  }
  parapolicy_controller_free(handle);
  parapolicy_controller_free(NULL);
}

/* Entries that come at their own times: position and target, two numbers each. */
static void of_entries_in_time(const char *policy) {
  const uint64_t MS = 1000000;
  parapolicy_config config;
  parapolicy_controller *handle;
  parapolicy_event event;
  parapolicy_health health;
  uint32_t observed = 7;
  double action[2];
  const double broken[2] = {0.0, NAN}, place[2] = {0.5, 0.5};
  const uint8_t pixel[1] = {0};
  const parapolicy_image image = {pixel, 1, 1, 1, 1, 1.0};
  expect(parapolicy_config_default(&config, sizeof config), OK, "");
  config.action_dim = 2;
  config.initial = ZEROS;
  config.stale_ns = 99 * MS;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), ARGUMENT, "stale is 99ms");
  config.stale_ns = 150 * MS;
  expect(parapolicy_controller_start(policy, &by_onnx_runtime, &config, &handle), OK, "");
  expect(parapolicy_controller_observe_entry(NULL, "target", ZEROS, 2, 0), NULL, "`controller` is null");
  expect(parapolicy_controller_observe_entry(handle, NULL, ZEROS, 2, 0), NULL, "`name` is null");
  expect(parapolicy_controller_observe_entry(handle, "target", NULL, 2, 0), NULL, "`values` is null");
  expect(parapolicy_controller_observe_entry(handle, "aim", ZEROS, 2, 0), ARGUMENT, "they are position, target");
  expect(parapolicy_controller_observe_entry(handle, "target", ZEROS, 3, 0), LENGTH, "`target` has 3 values");
  expect(parapolicy_controller_observe_entry(handle, "target", broken, 2, 0), NOT_FINITE, "`target` is not finite at 1");
  expect(parapolicy_controller_observe_image(handle, "target", &image, 0), ARGUMENT, "`target` is no image");
  expect(parapolicy_controller_observe_image(handle, "target", NULL, 0), NULL, "`image` is null");
  expect(parapolicy_controller_observe_entries(NULL, 0, &observed), NULL, "`controller` is null");

  expect(parapolicy_controller_observe_entry(handle, "target", place, 2, 1000 * MS), OK, "");
  expect(parapolicy_controller_observe_entry(handle, "target", place, 2, 999 * MS), ARGUMENT, "`target` went back in time");
  expect(parapolicy_controller_observe_entries(handle, 1000 * MS, &observed), OK, "");
  expect(parapolicy_controller_event(handle, &event), OK, "");
  if (observed != 0 || event.kind != PARAPOLICY_EVENT_KIND_NOT_OBSERVED || strstr(event.message, "`position`") == NULL) {
    fprintf(stderr, "%u: %s\n", (unsigned)observed, event.message);
    failed = 1;
  }
  for (uint64_t time = 1000; time <= 1100; time += 2) {
    expect(parapolicy_controller_observe_entry(handle, "position", ZEROS, 2, time * MS), OK, "");
  }
  expect(parapolicy_controller_observe_entries(handle, 1100 * MS, &observed), OK, "");
  expect(parapolicy_controller_command(handle, 1100 * MS, action, 2, NULL), OK, "");
  expect(parapolicy_controller_event(handle, &event), OK, "");
  if (observed != 1 || event.kind != PARAPOLICY_EVENT_KIND_NONE) {
    fprintf(stderr, "%u: %s\n", (unsigned)observed, event.message);
    failed = 1;
  }
  expect(parapolicy_controller_observe_entries(handle, 1200 * MS, NULL), OK, "");
  expect(parapolicy_controller_event(handle, &event), OK, "");
  if (strstr(event.message, "`target` is not observed: it is 0.200 s old, more than 0.150 s") == NULL) {
    fprintf(stderr, "%s\n", event.message);
    failed = 1;
  }
  expect(parapolicy_controller_stop(handle, 20000000000u), OK, "");
  expect(parapolicy_controller_health(handle, &health), OK, "");
  if (health.plans != 1 || health.failures != 0) {
    fprintf(stderr, "%u plans of one observation\n", (unsigned)health.plans);
    failed = 1;
  }
  parapolicy_controller_free(handle);
}

int main(int count, char **arguments) {
  if (count != 2) {
    return 2;
  }
  expect(parapolicy_options_default(&by_onnx_runtime, sizeof by_onnx_runtime), OK, "");
  by_onnx_runtime.provider = "cpu";
  of_options(arguments[1]);
  of_policy(arguments[1]);
  of_drawing(arguments[1]);
  of_entries(arguments[1]);
  of_config(arguments[1]);
  of_controller(arguments[1]);
  of_entries_in_time(arguments[1]);
  return failed;
}
