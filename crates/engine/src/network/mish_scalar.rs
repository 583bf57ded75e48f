//! Mish (Misra 2019, arXiv 1908.08681) of one number, for conditioning.

/// `x·tanh(softplus(x))`. With `e = exp(x)` and `n = e·(e + 2)` the hyperbolic tangent is `n/(n + 2)`, which is accurate for
/// small `e` too. For large `x`, where `e²` would overflow, it is 1.
pub(super) fn mish(x: f32) -> f32 {
    if x > 20.0 {
        return x;
    }
    let e = x.exp();
    let n = e * (e + 2.0);
    x * (n / (n + 2.0))
}

#[cfg(test)]
mod tests {
    use super::mish;

    #[test]
    #[cfg_attr(miri, ignore = "functions of the standard library are not exact under Miri, on purpose")]
    fn is_mish() {
        for x in (-400_i16..400).map(|x| f32::from(x) / 10.0) {
            let wide = f64::from(x);
            let exact = wide * wide.exp().ln_1p().tanh();
            assert!((f64::from(mish(x)) - exact).abs() <= 4e-7 * exact.abs(), "{x}");
        }
        assert_eq!(mish(f32::MAX), f32::MAX);
        assert!(mish(f32::NAN).is_nan());
    }
}
