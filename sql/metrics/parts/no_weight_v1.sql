/*
description: The weight of a row where the job declares none.
form: value
changes: {v1: first version}
*/
1.0
