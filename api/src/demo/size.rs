//! How much the demo makes.

/// How much there is to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Size {
    /// Six houses and one day.
    Small,
    /// Two companies, forty houses, two thousand residents, two months behind them.
    #[default]
    Full,
}
