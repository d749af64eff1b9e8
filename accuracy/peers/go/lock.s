// Without a file like this one the compiler wants bodies for all functions.
