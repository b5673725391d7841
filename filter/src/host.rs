//! What the filter needs of its host, so that its logic runs the same against Envoy and against a fake.

/// The host calls of one request. Header values are bytes: a client may send anything that HTTP lets through.
pub trait Host {
    /// First value of a request header, `None` when absent.
    fn request_header(&self, name: &str) -> Option<Vec<u8>>;
    /// Replaces all values of a request header by one.
    fn set_request_header(&self, name: &str, value: &str);
    /// Adds a value to a request header.
    fn append_request_header(&self, name: &str, value: &str);
    /// Removes all values of a request header.
    fn remove_request_header(&self, name: &str);
    /// The first `size` bytes of the request body held so far.
    fn request_body(&self, size: usize) -> Vec<u8>;
    /// Replaces the whole held body of `size` bytes.
    fn replace_request_body(&self, size: usize, body: &[u8]);
    /// Answers the client in place of the upstream. Only while the request's headers are held.
    fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]);
    /// First value of a response header, `None` when absent.
    fn response_header(&self, name: &str) -> Option<Vec<u8>>;
    /// The first `size` bytes of the piece of the response body that passes by.
    fn response_body(&self, size: usize) -> Vec<u8>;
    /// Address and port of the server that answers, once its response has come; `None` where no server answers.
    fn upstream_address(&self) -> Option<Vec<u8>>;
    /// Sets a response header.
    fn set_response_header(&self, name: &str, value: &str);
    /// Makes the proxy match the request to a route again.
    fn clear_route_cache(&self);
    /// Bytes of the request, headers and body, that the proxy has read from the client, where it can say.
    fn received_bytes(&self) -> Option<u64>;
    /// Wall clock in nanoseconds.
    fn now(&self) -> u64;
    /// Adds one to a counter; names are `metric|label=value`.
    fn count(&self, metric: &str);
    /// Records a value in a histogram.
    fn observe(&self, metric: &str, value: u64);
    /// Sets a gauge.
    fn gauge(&self, metric: &str, value: u64);
}
