//! Normalisation, there and back.

use parapolicy_policy::Normalization;
use proptest::prelude::*;

proptest! {
    /// f32 has 24 bits, so a value comes back to within that share of the range (or of its distance from it).
    #[test]
    fn a_raw_value_survives_the_round_trip(low in -1e4..1e4_f64, span in 1e-3..1e4_f64, position in -2.0..2.0_f64) {
        let normalization = Normalization::MinMax { min: vec![0.0, low], max: vec![1.0, low + span] };
        let raw = low + span * position;
        let back = normalization.denormalize(1, normalization.normalize(1, raw));
        prop_assert!((back - raw).abs() <= 4.0 * f64::from(f32::EPSILON) * span, "{raw} became {back}");
    }

    #[test]
    fn the_training_datas_range_becomes_minus_one_to_one(low in -1e4..1e4_f64, span in 1e-3..1e4_f64) {
        let normalization = Normalization::MinMax { min: vec![low], max: vec![low + span] };
        prop_assert_eq!(normalization.normalize(0, low), -1.0);
        prop_assert_eq!(normalization.normalize(0, low + span), 1.0);
        prop_assert!(normalization.normalize(0, low + 0.5 * span).abs() < 1e-6);
    }

    #[test]
    fn mean_and_deviation_become_zero_and_one(mean in -1e4..1e4_f64, std in 1e-3..1e4_f64, raw in -1e4..1e4_f64) {
        let normalization = Normalization::MeanStd { mean: vec![0.0, mean], std: vec![1.0, std] };
        prop_assert_eq!(normalization.normalize(1, mean), 0.0);
        prop_assert!((normalization.normalize(1, mean + std) - 1.0).abs() < 1e-6);
        let back = normalization.denormalize(1, normalization.normalize(1, raw));
        prop_assert!((back - raw).abs() <= f64::from(f32::EPSILON) * (raw - mean).abs(), "{raw} became {back}");
    }

    #[test]
    fn identity_changes_nothing(raw in any::<f32>()) {
        prop_assert_eq!(Normalization::Identity {}.normalize(7, raw.into()).to_bits(), raw.to_bits());
        prop_assert_eq!(Normalization::Identity {}.denormalize(7, raw).to_bits(), f64::from(raw).to_bits());
    }
}
