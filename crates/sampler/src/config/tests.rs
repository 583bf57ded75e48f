use super::*;

#[test]
fn validation_names_the_field() {
    let message = |change: fn(&mut SchedulerConfig)| {
        let mut config = SchedulerConfig::default();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    };
    assert_eq!(message(|c| c.num_train_timesteps = 0), "num_train_timesteps is 0, but must be between 1 and 100000");
    assert_eq!(message(|c| c.beta_start = 0.0), "beta_start is 0, but must be between 0 and 1, both excluded");
    assert_eq!(message(|c| c.beta_end = f64::NAN), "beta_end is NaN, but must be between 0 and 1, both excluded");
    assert_eq!(message(|c| c.clip_sample_range = -1.0), "clip_sample_range is -1, but must be positive and finite");
    assert_eq!(message(|c| c.sample_max_value = 0.0), "sample_max_value is 0, but must be positive and finite");
    assert_eq!(
        message(|c| c.dynamic_thresholding_ratio = 2.0),
        "dynamic_thresholding_ratio is 2, but must be from 0 to 1"
    );
    assert_eq!(message(|c| c.solver_order = 0), "solver_order is 0, but must be 1, 2 or 3");
    assert_eq!(message(|c| c.shift = f64::NAN), "shift is NaN, but must be positive and finite");
}

#[test]
fn names_round_trip_and_foreign_names_are_refused_by_field() {
    for name in ["linear", "scaled_linear", "squaredcos_cap_v2"] {
        assert_eq!(name.parse::<BetaSchedule>().unwrap().to_string(), name);
    }
    assert_eq!(
        "sigmoid".parse::<BetaSchedule>().unwrap_err().to_string(),
        "beta_schedule: `sigmoid` is not supported; use linear, scaled_linear, squaredcos_cap_v2"
    );
}
