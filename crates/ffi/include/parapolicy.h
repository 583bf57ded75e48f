/*
 * Parapolicy: diffusion policies on robots, from C and C++.
 *
 * Every function returns a status; in case of failure `parapolicy_last_error` has the words. Nothing in here ends the
 * process, and no C++ exception or Rust panic leaves it.
 *
 * Units are the policy's own raw units (pixels, metres, radians). Times are in ns. Arrays are doubles, row by row.
 *
 * Threads. Each function says where it may be called. "The control thread" is the thread of the robot's loop: of
 * `observe`, `command` and `reset` of one controller only one call runs at a time; one that would meet another returns
 * PARAPOLICY_STATUS_BUSY at once and does nothing. "Any thread" is meant, even while the control thread is in a call.
 * Nothing may be called with a handle that is being freed or was freed.
 *
 * Pointers. A null pointer that is not allowed is refused. One that is not null must point to what its type and the
 * length beside it say for as long as the call lasts, and nobody else may write there meanwhile.
 *
 * Features. A library may be built without ONNX Runtime (cargo feature `ort`) or without logs (`log`). This header is the
 * same for all; what such a library lacks is refused with PARAPOLICY_STATUS_ARGUMENT and the feature's name.
 *
 * Made by cbindgen from the sources; changes belong there.
 */

#ifndef PARAPOLICY_H
#define PARAPOLICY_H

#include <stddef.h>
#include <stdint.h>

// What a call came to. Values are never given another meaning; later versions may add some.
enum parapolicy_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It did what it says.
  PARAPOLICY_STATUS_OK = 0,
  // A pointer that must point to something is null.
  PARAPOLICY_STATUS_NULL = 1,
  // A text or a field has a value that makes no sense.
  PARAPOLICY_STATUS_ARGUMENT = 2,
  // An array has another length than the policy asks for.
  PARAPOLICY_STATUS_LENGTH = 3,
  // An observation holds NaN or infinity; it was not taken.
  PARAPOLICY_STATUS_NOT_FINITE = 4,
  // `size` of a struct is not that of any version this library knows.
  PARAPOLICY_STATUS_VERSION = 5,
  // The policy cannot be loaded: no such directory, a wrong manifest or graph.
  PARAPOLICY_STATUS_POLICY = 6,
  // ONNX Runtime cannot be found, installed or loaded.
  PARAPOLICY_STATUS_RUNTIME = 7,
  // The network failed while a plan was drawn.
  PARAPOLICY_STATUS_SAMPLING = 8,
  // Another thread is in a call on the same handle; this call did nothing.
  PARAPOLICY_STATUS_BUSY = 9,
  // The controller was stopped.
  PARAPOLICY_STATUS_STOPPED = 10,
  // A defect in this library: a panic was caught. The handle may go on being used.
  PARAPOLICY_STATUS_PANIC = 11,
  // The operating system refused something: a thread, or a file to log to.
  PARAPOLICY_STATUS_SYSTEM = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_status parapolicy_status;
#else
typedef int32_t parapolicy_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Where a command comes from.
enum parapolicy_source
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Actions that a plan intends to be executed.
  PARAPOLICY_SOURCE_PLAN = 0,
  // The plans are used up: `late` of the configuration decides.
  PARAPOLICY_SOURCE_LATE = 1,
  // There is nothing to go by: the safe action, or the last one sent.
  PARAPOLICY_SOURCE_SAFE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_source parapolicy_source;
#else
typedef uint32_t parapolicy_source;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why something else is sent than what the plan, or its absence, would have led to.
enum parapolicy_withheld
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing was withheld.
  PARAPOLICY_WITHHELD_NOTHING = 0,
  // No plan has arrived yet.
  PARAPOLICY_WITHHELD_NO_PLAN = 1,
  // The newest plan answers an observation that is too old: `age_ns`.
  PARAPOLICY_WITHHELD_STALE = 2,
  // `action[index]` was NaN or infinite; the last command is sent again.
  PARAPOLICY_WITHHELD_NOT_FINITE = 3,
  // `action[index]` was beyond a limit: `asked`. The closest one within is sent.
  PARAPOLICY_WITHHELD_BEYOND_LIMITS = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_withheld parapolicy_withheld;
#else
typedef uint32_t parapolicy_withheld;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What went wrong in the worker, with an observation, or with the clock. The controller goes on, and asks for a plan again with the next
// observation.
enum parapolicy_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing, since this was asked last.
  PARAPOLICY_EVENT_KIND_NONE = 0,
  // The policy could not be loaded again after a panic, or after it hung.
  PARAPOLICY_EVENT_KIND_NOT_MADE = 1,
  // The policy failed to plan.
  PARAPOLICY_EVENT_KIND_FAILED = 2,
  // The policy panicked; it is loaded again.
  PARAPOLICY_EVENT_KIND_PANICKED = 3,
  // A plan had values that are not finite, or another shape: it was withheld as a whole.
  PARAPOLICY_EVENT_KIND_WITHHELD = 4,
  // One of a later version of this library.
  PARAPOLICY_EVENT_KIND_OTHER = 5,
  // The policy has not returned for `watchdog_ns`: its thread is abandoned, and the policy loaded again in a new one.
  PARAPOLICY_EVENT_KIND_HUNG = 6,
  // The time given was before that of an earlier call by more than half a period: all plans were dropped.
  PARAPOLICY_EVENT_KIND_CLOCK_WENT_BACK = 7,
  // A plan does not keep what the configuration asks of plans (`plan_*`): it was not used.
  PARAPOLICY_EVENT_KIND_REFUSED = 8,
  // A plan does not keep it from an action on: it ends before that.
  PARAPOLICY_EVENT_KIND_CUT = 9,
  // A plan did not keep it, was refined (`plan_refine_ns`), and keeps it now.
  PARAPOLICY_EVENT_KIND_REFINED = 10,
  // A plan did not keep it and could not be refined; that it was refused or cut comes next.
  PARAPOLICY_EVENT_KIND_NOT_REFINED = 11,
  // An entry has not come yet or is too old (`stale_ns`), so that there was no observation of a control step. Told again once it was
  // back.
  PARAPOLICY_EVENT_KIND_NOT_OBSERVED = 12,
  // A value of an observation is far outside of what the policy was trained on: by more than the whole range beyond it, or by more
  // than ten standard deviations. Told once of an entry, and again once it was back. The observation is taken all the same.
  PARAPOLICY_EVENT_KIND_FAR_OUTSIDE = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_event_kind parapolicy_event_kind;
#else
typedef uint32_t parapolicy_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// When a new plan is asked for. Only one is worked on at a time, always for the newest observation.
enum parapolicy_replan
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // As soon as the last one is done.
  PARAPOLICY_REPLAN_ALWAYS = 0,
  // When `replan_count` observations have come since the one that was asked about last.
  PARAPOLICY_REPLAN_EVERY = 1,
  // When fewer than `replan_count` actions are left of those that the newest plan intends.
  PARAPOLICY_REPLAN_BELOW = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_replan parapolicy_replan;
#else
typedef uint32_t parapolicy_replan;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a new plan takes over from the old one.
enum parapolicy_blend
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The newest plan alone, from now on.
  PARAPOLICY_BLEND_SWITCH = 0,
  // The mean of what all plans that are not too old intend for now, the i-th oldest with weight exp(-`blend_decay` * i).
  PARAPOLICY_BLEND_ENSEMBLE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_blend parapolicy_blend;
#else
typedef uint32_t parapolicy_blend;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What is sent when every action that a plan intends has been sent, and no new plan is there.
enum parapolicy_late
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The motion of the last two commands goes on, slower, and rests after `late_within_ns`.
  PARAPOLICY_LATE_DECELERATE = 0,
  // The safe action at once, or the last action again if there is none.
  PARAPOLICY_LATE_HOLD = 1,
  // The rest of the plan's horizon, then the last action again.
  PARAPOLICY_LATE_FINISH = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_late parapolicy_late;
#else
typedef uint32_t parapolicy_late;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a plan relates to the one before it, which is still being executed while the new one is drawn. All but the first are
// real-time chunking: a plan is held to the actions that will have been sent when it is there, and agreement with the later
// ones of the plan before fades.
enum parapolicy_continuity
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Plans are drawn independently of each other.
  PARAPOLICY_CONTINUITY_INDEPENDENT = 0,
  // It fades at once: later actions are free.
  PARAPOLICY_CONTINUITY_HARD = 1,
  // It fades evenly.
  PARAPOLICY_CONTINUITY_LINEAR = 2,
  // It fades as published (Black et al. 2025, arXiv 2506.07339).
  PARAPOLICY_CONTINUITY_EXPONENTIAL = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_continuity parapolicy_continuity;
#else
typedef uint32_t parapolicy_continuity;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What becomes of a plan that fails its check.
enum parapolicy_failing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is not used: what is in force goes on.
  PARAPOLICY_FAILING_REFUSE = 0,
  // It ends before the action that fails; if that is the first, it is not used.
  PARAPOLICY_FAILING_CUT = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_failing parapolicy_failing;
#else
typedef uint32_t parapolicy_failing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What is sent between the times of two actions of a plan.
enum parapolicy_interpolation
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The nearest action.
  PARAPOLICY_INTERPOLATION_HOLD = 0,
  // The straight line between the two.
  PARAPOLICY_INTERPOLATION_LINEAR = 1,
  // A cubic that keeps the velocity, and stays between the two.
  PARAPOLICY_INTERPOLATION_CUBIC = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_interpolation parapolicy_interpolation;
#else
typedef uint32_t parapolicy_interpolation;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What the numbers of an entry of an action are.
enum parapolicy_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Numbers that a line leads between: positions, angles of joints, velocities.
  PARAPOLICY_KIND_POSITION = 0,
  // What is held until the next action and never interpolated: a gripper that is open or closed.
  PARAPOLICY_KIND_GRIPPER = 1,
  // A rotation as four numbers of norm 1, in either order; the other sign is the same rotation.
  PARAPOLICY_KIND_QUATERNION = 2,
  // A rotation as two columns, or two rows, of its matrix.
  PARAPOLICY_KIND_ROTATION6D = 3,
  // One of a later version of this library.
  PARAPOLICY_KIND_OTHER = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum parapolicy_kind parapolicy_kind;
#else
typedef uint32_t parapolicy_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A policy that plans in a thread of its own, and what is sent meanwhile.
typedef struct parapolicy_controller parapolicy_controller;

// The entries of a policy's observations and actions.
typedef struct parapolicy_entries parapolicy_entries;

// A policy, loaded.
typedef struct parapolicy_policy parapolicy_policy;

// How plans are drawn. Filled by `parapolicy_options_default`; change what is to be different.
typedef struct {
  // Size of this struct as the caller knows it.
  size_t size;
  // "picard", "sequential", "paradigms", "speculative", "anderson", "parareal" or "blocks"; or "auto", the fastest on this
  // machine: what is not known of it is measured when the policy is loaded, for some seconds, and kept. Null (default): the
  // second up to ten steps, unless `deadline_ns` or `rounds` may cut a plan short; else the first.
  const char *sampler;
  // "ddpm" (default), "ddim", "ddim:ETA", "dpmsolver++" or "sde-dpmsolver++"; for flow matching "euler" or "midpoint"; null: the default.
  const char *solver;
  // What runs the network: "native", the engine of this library, "cpu", ONNX Runtime, or ONNX Runtime with "openvino",
  // "cuda" or "tensorrt"; null: the first, or the second where `ort_lib` is given. All but the first take a library that
  // was built with the feature `ort`.
  const char *provider;
  // In which its products are computed: "f32" (default), or "bf16", by all but "cpu" and "cuda" where the machine has
  // it; null: the default.
  const char *precision;
  // Path of ONNX Runtime's shared library; null: `ORT_DYLIB_PATH`, a copy installed before, the system's, else one is
  // installed. A process loads one. It takes a library that was built with the feature `ort`.
  const char *ort_lib;
  // Change between rounds under which a step is accepted, for samplers that iterate; 0.1.
  double tolerance;
  // Time that a plan may take, in ns: the best there is by then is the plan. 0: whatever it takes.
  uint64_t deadline_ns;
  // Rounds that a plan may take, likewise. 0: as many as it takes.
  uint32_t rounds;
  // Denoising steps; 100.
  uint32_t steps;
  // Denoising steps in the air at once, for samplers with a window. 0: the sampler's own for so many steps.
  uint32_t window;
  // Threads that work on each batch. 0 (default): one a core.
  uint32_t threads;
  // A time, "20ms" say: plans are drawn as `parapolicy tune` recommends for that time on this machine, by the solver, steps,
  // sampler, window and tolerance that it found, which keep their defaults here; and in the precision and by the threads that
  // it found, unless they are given. Null (default): as the other fields say.
  const char *tuned;
  // The tolerance in the unit of the actions, "0.5px" say, in place of `tolerance`, which keeps its default here; a number alone
  // where the policy declares no units. Null (default): as `tolerance` says.
  const char *within;
  // The task, for policies that are told one in words: its name in `policy.json`. Null (default): the only one.
  const char *task;
  // Devices that share the rows of every batch, "0,1" say: GPUs of "cuda" and "tensorrt". Null (default): device 0 alone.
  const char *devices;
  // Keep each of the threads but the calling one on a core of its own ("native"): 1. 0 (default): no.
  uint32_t pin;
  // Where the network fails in mid-plan, the best there is by then is the plan, in place of an error: 1. 0 (default): no.
  uint32_t keep_on_failure;
} parapolicy_options;

// What a policy sees and plans.
typedef struct {
  // Observations that the policy looks at.
  size_t n_obs_steps;
  // Numbers in one observation.
  size_t observation_dim;
  // Actions in a plan; the first belongs to the oldest observation.
  size_t horizon;
  // Actions of a plan that are meant to be executed, from the one that belongs to the newest observation.
  size_t n_action_steps;
  // Numbers in one action.
  size_t action_dim;
} parapolicy_shape;

// What a plan took.
typedef struct {
  // Time from the observation bound to the plan ready, in ns; of plans drawn together, to all of them ready.
  uint64_t latency_ns;
  // Calls of the network, one after the other.
  uint64_t rounds;
  // Rows that the network evaluated.
  uint64_t evaluations;
  // How far the plan moved in the last round (root mean square, normalised units), if it was cut short; else 0.
  double residual;
} parapolicy_cost;

// Plans that are asked for. Filled by `parapolicy_drawing_default`; `observations` and `actions` have to be set. Lengths are
// counts of numbers, and are checked.
typedef struct {
  // Size of this struct as the caller knows it.
  size_t size;
  // Plans that are drawn together, in shared batches; 1.
  size_t plans;
  // What is seen, for each plan: `[plans][n_obs_steps][observation_dim]` in raw units, oldest first.
  const double *observations;
  // Its length.
  size_t observations_len;
  // Seed of the first plan's noise; that of each of the others is one more. 0.
  uint64_t seed;
  // Of one plan alone: the noise that it begins with, `[horizon][plan_dim]` in normalised units, where `plan_dim` is
  // `action_dim`, and more where observations are a part of the plan. Null: drawn from the seed.
  const double *initial_noise;
  // Its length.
  size_t initial_noise_len;
  // Likewise, the noise of every step, `[steps][horizon][plan_dim]`. Null: drawn from the seed.
  const double *step_noise;
  // Its length.
  size_t step_noise_len;
  // Takes the plans, `[plans][horizon][action_dim]` in raw units.
  double *actions;
  // Its length.
  size_t actions_len;
  // Takes what each of them took, `[plans]`. Null: nobody asks.
  parapolicy_cost *costs;
} parapolicy_drawing;

// A part of an observation or of an action. It may grow at its end: `size` says what the caller knows.
typedef struct {
  // Size of this struct as the caller knows it.
  size_t size;
  // Its name, UTF-8; lives as long as the entries.
  const char *name;
  // The unit of its numbers, likewise; null: nobody said.
  const char *unit;
  // Where its numbers begin in the flat observation or action.
  size_t offset;
  // How many they are.
  size_t len;
  // Axes of its shape.
  size_t rank;
  // The first eight of them, row by row; the others are 0.
  size_t shape[8];
  // One of `parapolicy_kind`; of an observation they are positions.
  uint32_t kind;
} parapolicy_entry;

// An image of bytes, as a camera hands it over. Its size is the entry's.
typedef struct {
  // The first channel of the first pixel of the first row.
  const uint8_t *bytes;
  // Bytes that may be read from there on.
  size_t len;
  // Bytes from one row to the next: of an image without gaps, `width * channels` where the channels of a pixel lie together,
  // `width` where those of an image do.
  size_t row_stride;
  // Bytes from one pixel of a row to the next: `channels`, or 1.
  size_t column_stride;
  // Bytes from one channel of a pixel to the next: 1, or `width * height`.
  size_t channel_stride;
  // What a byte is multiplied by to be in the policy's raw unit: 1, or 1.0/255 where the policy was trained on 0 to 1.
  double scale;
} parapolicy_image;

// A disc, or a ball in `dim` dimensions, that the straight ways from action to action stay out of.
typedef struct {
  // The number of an action that the centre's first number is compared with; the others follow.
  size_t first;
  // Numbers of the centre.
  size_t dim;
  // The centre, in raw units.
  const double *centre;
  // The radius, more than 0.
  double radius;
} parapolicy_region;

// Looks at a plan, `[rows][action_dim]`: returns the index of the first action that may not be sent, or `rows` or more if all
// may. `why`, null at first, may be set to words for the event, closed by a zero, which must live until the next call.
typedef size_t (*parapolicy_predicate)(void *context,
                                       const double *plan,
                                       size_t rows,
                                       size_t action_dim,
                                       const char **why);

// What a controller is for. Filled by `parapolicy_config_default`; `action_dim` and `initial` have to be set.
// Arrays are copied: they need not outlive the call that reads them.
typedef struct {
  // Size of this struct as the caller knows it.
  size_t size;
  // Time from one action of a plan to the next, in ns; 100 ms.
  uint64_t period_ns;
  // Age of the observation behind a plan beyond which the plan is not trusted any more, and no command comes from it, in
  // ns; 2 s.
  uint64_t max_age_ns;
  // Time until the robot rests, where `late` is to decelerate, in ns; 300 ms.
  uint64_t late_within_ns;
  // Of `blend`, where it is an ensemble: at least 0; 0.01.
  double blend_decay;
  // One of `parapolicy_replan`.
  uint32_t replan;
  // Of `replan`, where it counts: at least 1; 4.
  uint32_t replan_count;
  // One of `parapolicy_blend`.
  uint32_t blend;
  // One of `parapolicy_late`.
  uint32_t late;
  // Numbers in each of the arrays that follow: the policy's `action_dim`.
  size_t action_dim;
  // The command before the first plan: where the robot stands, or that it stands still.
  const double *initial;
  // What is sent when there is nothing to go by; null: the last command again. A robot whose actions are velocities
  // needs it.
  const double *safe;
  // Smallest value of each number of a command; null: none.
  const double *min;
  // Largest value of each; null: none.
  const double *max;
  // Largest change of each from one command to the next; null: none.
  const double *max_change;
  // MCAP file to write, for Foxglove or rerun: all that is observed, planned and sent. If it exists, a number is put after
  // its name. Null: none. It takes a library that was built with the feature `log`.
  const char *log;
  // Log every plan as it stood after each round of the sampler, too: 1. 0: no.
  uint32_t log_rounds;
  // Time after which a policy that has not returned with a plan counts as hanging, in ns: an event tells it, its thread
  // is abandoned, and the policy loaded again in a new one. Loading may take ten times as long. 0: ten times what a plan
  // lasts, and at least 30 s.
  uint64_t watchdog_ns;
  // The share of the last 40 plans that took no longer than the next one is expected to take, where `continuity` holds plans
  // to what will have been sent: more than 0, at most 1; 0.95.
  double delay_quantile;
  // One of `parapolicy_continuity`; independent.
  uint32_t continuity;
  // One of `parapolicy_failing`: what becomes of a plan that does not keep what the fields from here on ask of it, before
  // any of it is sent; refuse. An event names the first action that fails, the number of it, its value and the limit.
  uint32_t plan_failing;
  // Smallest value of each number in every action of a plan; null, here and below: none.
  const double *plan_min;
  // Largest value.
  const double *plan_max;
  // Largest distance of the first action from the robot's present state.
  const double *plan_step;
  // Largest change per second from action to action.
  const double *plan_velocity;
  // Largest change of that per second.
  const double *plan_acceleration;
  // Largest change of that per second.
  const double *plan_jerk;
  // Where in an observation the robot's present state, `action_dim` numbers, begins; `SIZE_MAX` (default): the last command is
  // taken for it.
  size_t plan_state;
  // Regions that plans stay out of; null if `plan_region_count` is 0.
  const parapolicy_region *plan_regions;
  // How many.
  size_t plan_region_count;
  // What else is wrong with a plan; null: nothing. Called in the worker's thread.
  parapolicy_predicate plan_predicate;
  // Handed to `plan_predicate`. It must live, and be fit for the worker's thread, until the controller was freed.
  void *plan_context;
  // One of `parapolicy_interpolation`: what is sent between the times of two actions; hold.
  uint32_t interpolation;
  // Time from one command to the next, in ns, for the limits that follow; 0 (default): a period. At most a period.
  uint64_t cycle_ns;
  // Largest change of a command per second, largest change of that per second, and of that: kept by a trajectory generator
  // whatever is planned, a cycle from each command to the next. All three, and no `max_change`; or null (default): none.
  const double *max_velocity;
  // As above.
  const double *max_acceleration;
  // As above.
  const double *max_jerk;
  // How long a plan that does not keep what `plan_*` asks of it may be refined until it does, in ns: in the worker's thread,
  // with the bounds and regions as a cost and the policy as prior. It is checked again, and `plan_failing` says what becomes
  // of one that still fails. 0 (default): plans are not refined.
  uint64_t plan_refine_ns;
  // Cut plans short so that they are there when the running one runs out, with the best plan by then: the time left is each
  // plan's deadline, beside `deadline_ns`. Kept in reserve is what this share of the last 40 plans that were cut short took
  // beyond it: more than 0, at most 1; 0.95 fits most. 0 (default): plans take what they take.
  double deadline_quantile;
  // How old an entry may be at a control step, in ns, where entries are handed in one by one
  // (`parapolicy_controller_observe_entry`): an older one makes no observation. At least a period; 0 (default): five periods.
  uint64_t stale_ns;
} parapolicy_config;

// What is known of a command beside the action.
typedef struct {
  // Where it comes from.
  parapolicy_source source;
  // What was withheld, if anything.
  parapolicy_withheld withheld;
  // Of what was withheld.
  uint64_t age_ns;
  // Of what was withheld.
  size_t index;
  // Of what was withheld.
  double asked;
} parapolicy_command;

// What is known of a plan beside its actions. It may grow at its end: `size` says what the caller knows.
typedef struct {
  // Size of this struct as the caller knows it.
  size_t size;
  // Actions, of those that were written; 0 where there is no plan.
  size_t len;
  // Of these, how many are meant to be executed.
  size_t intended;
  // When the observation was taken that the plan answers, in ns of the caller's clock; the first action is for that time.
  uint64_t observed_ns;
  // What it took.
  parapolicy_cost cost;
} parapolicy_plan;

// Something that went wrong.
typedef struct {
  // What.
  parapolicy_event_kind kind;
  // In words, UTF-8, closed by a zero; cut if it is longer.
  char message[508];
} parapolicy_event;

// How a controller is.
typedef struct {
  // A plan is being worked on: 1, or 0.
  uint64_t planning;
  // Plans delivered.
  uint64_t plans;
  // Calls of the network that they took, one after the other.
  uint64_t rounds;
  // Rows that the network evaluated for them.
  uint64_t evaluations;
  // Plans that failed, panicked, were not finite, or never came.
  uint64_t failures;
  // Events that nobody fetched in time.
  uint64_t events_dropped;
  // Median time from an observation that was asked about to the plan for it, in ms.
  double latency_p50_ms;
  // Its 90th percentile.
  double latency_p90_ms;
  // Its 99th percentile.
  double latency_p99_ms;
  // The longest.
  double latency_max_ms;
} parapolicy_health;

// What a controller has got over. It may grow at its end: `size` says what the caller knows.
typedef struct {
  // Size of this struct as the caller knows it.
  size_t size;
  // Plans that never came: the policy hung, and its thread was abandoned. They are among `failures`, too.
  uint64_t hangs;
  // How often the clock went back, and all plans were dropped.
  uint64_t clock_steps;
} parapolicy_troubles;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What went wrong in this thread's last call that failed: text in UTF-8, empty if none did. Valid until another call
// fails in this thread, or the thread ends. Never null.
//
// Any thread; wait-free.
const char *parapolicy_last_error(void);

// Version of the library, "1.2.3". Any thread.
const char *parapolicy_version(void);

// Fills `options` with the defaults; `size` is `sizeof *options`. Any thread.
parapolicy_status parapolicy_options_default(parapolicy_options *options, size_t size);

// Loads the policy in `directory`, which has `policy.json` and its graph, and writes a handle to `policy`; null in case
// of failure. `options` may be null. Freed by `parapolicy_policy_free`. Any thread; takes seconds where ONNX Runtime has
// to be installed.
parapolicy_status parapolicy_policy_load(const char *directory,
                                         const parapolicy_options *options,
                                         parapolicy_policy **policy);

// Writes what the policy sees and plans to `shape`. Any thread; wait-free.
parapolicy_status parapolicy_policy_shape(const parapolicy_policy *policy, parapolicy_shape *shape);

// Draws a plan. `observations` is `[n_obs_steps][observation_dim]` in raw units, oldest first; `actions` takes
// `[horizon][action_dim]`, in raw units. The lengths are counts of numbers, and are checked. The same seed and
// observations give the same plan. If it fails, `actions` is as it was.
//
// Any thread; calls on one handle wait for each other.
parapolicy_status parapolicy_policy_sample(const parapolicy_policy *policy,
                                           const double *observations,
                                           size_t observations_len,
                                           uint64_t seed,
                                           double *actions,
                                           size_t actions_len);

// Frees a policy; null is nothing. No other call may be using it.
void parapolicy_policy_free(parapolicy_policy *policy);

// Fills `drawing` with the defaults; `size` is `sizeof *drawing`. Any thread.
parapolicy_status parapolicy_drawing_default(parapolicy_drawing *drawing, size_t size);

// Draws plans as `drawing` says. If it fails, `actions` and `costs` are as they were.
//
// Any thread; calls on one handle wait for each other.
parapolicy_status parapolicy_policy_draw(const parapolicy_policy *policy, const parapolicy_drawing *drawing);

// Reads the entries of the policy in `directory` and writes a handle to `entries`; null in case of failure. The network is not
// loaded. Freed by `parapolicy_entries_free`. Any thread.
parapolicy_status parapolicy_entries_load(const char *directory,
                                          parapolicy_entries **entries);

// Writes the `index`th entry of an observation to `entry`; `size` is `sizeof *entry`. Beyond the last one, its `name` is null.
// Any thread; wait-free.
parapolicy_status parapolicy_entries_observation(const parapolicy_entries *entries,
                                                 size_t index,
                                                 parapolicy_entry *entry,
                                                 size_t size);

// The same, of an action.
parapolicy_status parapolicy_entries_action(const parapolicy_entries *entries,
                                            size_t index,
                                            parapolicy_entry *entry,
                                            size_t size);

// Puts the `len` numbers of the entry `name` where they belong in `observation`, which has room for `observation_len`, the
// policy's `observation_dim`. The rest of it stays as it is: who fills it with NaN first is told by `observe` of an entry that
// was left out.
//
// Any thread; wait-free, without allocation unless it fails.
parapolicy_status parapolicy_entries_set(const parapolicy_entries *entries,
                                         const char *name,
                                         const double *values,
                                         size_t len,
                                         double *observation,
                                         size_t observation_len);

// Puts an image where the entry `name` belongs, as `parapolicy_entries_set` does numbers: one copy, in the order of axes that the
// policy has.
//
// Any thread; wait-free, without allocation unless it fails.
parapolicy_status parapolicy_entries_set_image(const parapolicy_entries *entries,
                                               const char *name,
                                               const parapolicy_image *image,
                                               double *observation,
                                               size_t observation_len);

// Frees the entries; null is nothing. No other call may be using them.
void parapolicy_entries_free(parapolicy_entries *entries);

// Fills `config` with the defaults; `size` is `sizeof *config`. Any thread.
parapolicy_status parapolicy_config_default(parapolicy_config *config, size_t size);

// Loads the policy in `directory`, starts a worker thread for it and writes a handle to `controller`; null in case of
// failure. `options` may be null. Freed by `parapolicy_controller_free`. Any thread; not in the loop, it takes a while.
parapolicy_status parapolicy_controller_start(const char *directory,
                                              const parapolicy_options *options,
                                              const parapolicy_config *config,
                                              parapolicy_controller **controller);

// Writes what the controller's policy sees and plans to `shape`. Any thread; wait-free.
parapolicy_status parapolicy_controller_shape(const parapolicy_controller *controller, parapolicy_shape *shape);

// Begins an episode: observations, plans and commands so far are forgotten, and a plan that is being worked on will be
// ignored. Until the first plan `initial` is sent again, or what `parapolicy_controller_rest_at` was told last. Everything random in the policy follows from `seed`; without a call it is 0.
//
// The control thread.
parapolicy_status parapolicy_controller_reset(parapolicy_controller *controller,
                                              uint64_t seed);

// Sends `action` until the first plan, in place of `initial`: where the robot stands. For use before an episode begins: all
// plans are forgotten. `len` is the policy's `action_dim`; it must be finite and within the limits.
//
// The control thread.
parapolicy_status parapolicy_controller_rest_at(parapolicy_controller *controller,
                                                const double *action,
                                                size_t len);

// Takes the observation of `time_ns`, in raw units, and asks for a plan if one is due. `len` is the policy's
// `observation_dim`. Time is the caller's clock, in ns from any origin. If it goes back by more than half a period, all
// plans are dropped, and an event tells it. Called once a period.
//
// The control thread; does not wait for the worker.
parapolicy_status parapolicy_controller_observe(parapolicy_controller *controller,
                                                const double *observation,
                                                size_t len,
                                                uint64_t time_ns);

// Takes the `len` numbers of the entry `name` as they were at `time_ns`, for the control steps from then on: see
// `parapolicy_controller_observe_entries`. Entries may come at any rate, each at its own; the newest 64 of each are remembered,
// and fewer, 4 at least, of those of more than 128 numbers. Refused are another name or length, NaN, and a time before that of the same
// entry's last.
//
// The control thread; does not wait for the worker, and allocates nothing unless it fails.
parapolicy_status parapolicy_controller_observe_entry(parapolicy_controller *controller,
                                                      const char *name,
                                                      const double *values,
                                                      size_t len,
                                                      uint64_t time_ns);

// The same, of an entry that is an image: it is read where it lies, in one copy.
parapolicy_status parapolicy_controller_observe_image(parapolicy_controller *controller,
                                                      const char *name,
                                                      const parapolicy_image *image,
                                                      uint64_t time_ns);

// Takes the observation of the control step at `time_ns` from its entries, of each the newest at or before it, and asks for a plan if
// one is due. In place of `parapolicy_controller_observe`, once a period. `observed`, which may be null, is 1 if there is an observation,
// and 0 if an entry has not come yet or is older than `stale_ns`: an event names it, once until it is back.
//
// The control thread; does not wait for the worker.
parapolicy_status parapolicy_controller_observe_entries(parapolicy_controller *controller,
                                                        uint64_t time_ns,
                                                        uint32_t *observed);

// Stops the controller: waits up to `patience_ns` for the plan that is being worked on, ends the worker, and closes the
// log. Later calls find it stopped; events and health can still be read. `PARAPOLICY_STATUS_BUSY` if the worker is still
// at work: its thread ends when it can. Whatever the policy does, it takes two seconds more than `patience_ns` at most.
//
// Any thread, with the control thread out of its loop.
parapolicy_status parapolicy_controller_stop(parapolicy_controller *controller,
                                             uint64_t patience_ns);

// Frees a controller; one that was not stopped is, without patience, within two seconds. Null is nothing. No other call may be using it.
void parapolicy_controller_free(parapolicy_controller *controller);

// Writes what to send at `time_ns` to `action`, in raw units; `len` is the policy's `action_dim`. `command`, which may be
// null, tells where it comes from. Called once a period. If it fails, `action` is as it was.
//
// The control thread; wait-free, without allocation, whatever the worker does.
parapolicy_status parapolicy_controller_command(parapolicy_controller *controller,
                                                uint64_t time_ns,
                                                double *action,
                                                size_t len,
                                                parapolicy_command *command);

// Writes the plan that commands come from to `actions`, which has room for `[horizon][action_dim]` (`len` numbers), and what is
// known of it to `plan`; `size` is `sizeof *plan`. Where there is none yet, its `len` is 0, and `actions` is as it was.
//
// The control thread; wait-free, without allocation.
parapolicy_status parapolicy_controller_plan(parapolicy_controller *controller,
                                             double *actions,
                                             size_t len,
                                             parapolicy_plan *plan,
                                             size_t size);

// Writes the oldest event that was not fetched yet to `event`, or that there is none. Up to 64 are kept.
//
// Any thread, the control thread too: a message is freed then.
parapolicy_status parapolicy_controller_event(parapolicy_controller *controller, parapolicy_event *event);

// Writes how the controller is to `health`. Nothing is stopped for it.
//
// Any thread but the control thread, where it may have to wait for the worker for some microseconds.
parapolicy_status parapolicy_controller_health(const parapolicy_controller *controller, parapolicy_health *health);

// Writes what the controller has got over to `troubles`; `size` is `sizeof *troubles`. Nothing is stopped for it.
//
// Any thread but the control thread, where it may have to wait for the worker for some microseconds.
parapolicy_status parapolicy_controller_troubles(const parapolicy_controller *controller,
                                                 parapolicy_troubles *troubles,
                                                 size_t size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PARAPOLICY_H */
