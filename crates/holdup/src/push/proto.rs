//! The messages of Pyroscope's push API, with its published field numbers
//! (<https://github.com/grafana/pyroscope/blob/main/api/push/v1/push.proto> and
//! `types/v1/types.proto` beside it).

/// What is posted to `/push.v1.PusherService/Push`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) series: Vec<RawProfileSeries>,
}

/// Profiles that have their labels in common.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RawProfileSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<LabelPair>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<RawSample>,
}

/// A profile.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RawSample {
    /// In pprof's format, compressed or not.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) raw_profile: Vec<u8>,
    /// A UUID.
    #[prost(string, tag = "2")]
    pub(super) id: String,
}

/// A label.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LabelPair {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}
