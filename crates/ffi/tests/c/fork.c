/*
 * A child that was forked has none of the policy's threads: it is told so, and waits for nothing.
 *
 *     fork POINT-POLICY POLICY
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parapolicy.h"

static parapolicy_policy *load(const char *directory) {
  parapolicy_options options;
  parapolicy_policy *policy = NULL;
  parapolicy_options_default(&options, sizeof options);
  options.threads = 2;
  if (parapolicy_policy_load(directory, &options, &policy) != PARAPOLICY_STATUS_OK) {
    fprintf(stderr, "%s\n", parapolicy_last_error());
  }
  return policy;
}

static parapolicy_status sample(const parapolicy_policy *policy) {
  double actions[64] = {0.0}, observations[64];
  parapolicy_shape shape;
  if (parapolicy_policy_shape(policy, &shape) != PARAPOLICY_STATUS_OK) return PARAPOLICY_STATUS_PANIC;
  for (size_t i = 0; i < 64; ++i) observations[i] = 256.0;
  return parapolicy_policy_sample(policy, observations, shape.n_obs_steps * shape.observation_dim, 0, actions,
                                  shape.horizon * shape.action_dim);
}

/* Which part fails, from 1; or 0. */
static int child(const char *directory, parapolicy_policy *policy) {
  alarm(60); /* Ends a child that hangs. */
  if (sample(policy) == PARAPOLICY_STATUS_OK) return 1;
  if (strstr(parapolicy_last_error(), "forked after the policy was loaded") == NULL) return 2;
  parapolicy_policy_free(policy);
  policy = load(directory);
  if (policy == NULL || sample(policy) != PARAPOLICY_STATUS_OK) return 3;
  parapolicy_policy_free(policy);
  return 0;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  parapolicy_policy *policy = load(arguments[2]);
  if (policy == NULL || sample(policy) != PARAPOLICY_STATUS_OK) return 3;
  pid_t forked = fork();
  if (forked == 0) _exit(child(arguments[2], policy));
  int status = 0;
  if (forked < 0 || waitpid(forked, &status, 0) != forked) return 4;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "the child: exit %d, signal %d\n", WEXITSTATUS(status), WTERMSIG(status));
    return 5;
  }
  /* The parent goes on. */
  if (sample(policy) != PARAPOLICY_STATUS_OK) return 6;
  parapolicy_policy_free(policy);
  return EXIT_SUCCESS;
}
