using Gpt2Cluster.Exchange.Benchmarks;

var settings = BenchmarkSettings.Parse(args);
return settings.Participant is { } own ? Participant.Run(settings, own) : Conductor.Run(settings, args);
