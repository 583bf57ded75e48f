//! Control loops, latency histograms and episode reports.
