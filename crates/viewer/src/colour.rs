//! The colours of everything that is drawn.

/// Red, green, blue (sRGB) and opacity in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    /// Red, green, blue.
    pub rgb: [u8; 3],
    /// 0 is invisible, 1 opaque.
    pub opacity: f32,
}

impl Colour {
    /// An opaque colour, `0xRRGGBB`.
    pub const fn of(rgb: u32) -> Self {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Self { rgb: [red, green, blue], opacity: 1.0 }
    }

    /// The same, this opaque.
    #[must_use]
    pub const fn at(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }

    /// `share` of the way to another colour, in sRGB, where equal steps look equal.
    #[must_use]
    pub fn towards(self, other: Self, share: f32) -> Self {
        let mix = |from: f32, to: f32| from + (to - from) * share.clamp(0.0, 1.0);
        let channel = |i: usize| mix(self.rgb[i].into(), other.rgb[i].into()).round() as u8;
        Self { rgb: std::array::from_fn(channel), opacity: mix(self.opacity, other.opacity) }
    }
}

/// Around the table.
pub const ROOM: Colour = Colour::of(0xE9_EC_F0);
/// The table.
pub const TABLE: Colour = Colour::of(0xFD_FC_FA);
/// Its walls.
pub const WALL: Colour = Colour::of(0xB4_BC_C8);
/// Where the block belongs.
pub const GOAL: Colour = Colour::of(0xC9_E7_D0);
/// Its edge.
pub const GOAL_EDGE: Colour = Colour::of(0x8C_C7_9B);
/// Discs to stay out of.
pub const KEEP_OUT: Colour = Colour::of(0xF3_D3_CF);
/// Their edge.
pub const KEEP_OUT_EDGE: Colour = Colour::of(0xD0_7A_70);
/// The block.
pub const BLOCK: Colour = Colour::of(0x6F_7F_96);
/// Its edge.
pub const BLOCK_EDGE: Colour = Colour::of(0x46_53_68);
/// The agent while the policy drives.
pub const AGENT: Colour = Colour::of(0x3B_6F_D4);
/// The agent while a person drives.
pub const DRIVEN: Colour = Colour::of(0xC2_47_8B);
/// Where the agent has been.
pub const PATH: Colour = Colour::of(0x9D_B7_E8);
/// What the agent is about to do.
pub const PLAN: Colour = Colour::of(0xE0_6C_1F);
/// The first round of a plan.
pub const FIRST_ROUND: Colour = Colour::of(0xE3_D9_F2);
/// The last round of a plan.
pub const LAST_ROUND: Colour = Colour::of(0x5B_3A_9E);
/// Ways that a policy is torn between; those after them are grey.
pub const WAYS: [Colour; 5] = [
    Colour::of(0x1F_8A_8A),
    Colour::of(0xB8_3A_6A),
    Colour::of(0x8A_8F_1E),
    Colour::of(0x2F_5F_B8),
    Colour::of(0x7A_4E_2D),
];
/// Behind plots.
pub const PAPER: Colour = Colour::of(0xF3_F5_F8);
/// Bars of a histogram.
pub const BAR: Colour = Colour::of(0x8A_71_BF);
/// What is written.
pub const INK: Colour = Colour::of(0x2B_33_40);
/// What is written beside it.
pub const PALE_INK: Colour = Colour::of(0x6A_75_86);

#[cfg(test)]
mod tests {
    use super::Colour;

    #[test]
    fn mixing_ends_where_it_should() {
        let (black, white) = (Colour::of(0).at(0.0), Colour::of(0xFF_FF_FF));
        assert_eq!(black.towards(white, 0.0), black);
        assert_eq!(black.towards(white, 2.0), white);
        assert_eq!(black.towards(white, 0.5), Colour { rgb: [128; 3], opacity: 0.5 });
    }
}
