//! What is known of the zoo's tests, and what a detector says of them.
