"""Every operation, parameter, answer, error and webhook that the SDK and Telnyx's pages tell of, judged one by one."""
