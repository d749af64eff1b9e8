module holdup/benches

go 1.22
