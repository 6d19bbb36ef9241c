using Gpt2Cluster.Simulator.CommandLine;
using Gpt2Cluster.Simulator.Schedules;

if (Options.Read(args) is not { } options)
{
    Console.Error.WriteLine(Options.Usage);
    return 2;
}

if (options.Replay is not { } seed)
    return Campaign.Run(options, Console.Out) ? 0 : 1;
var outcome = Simulation.Run(seed, options.Mutant, Console.Out);
Console.WriteLine(outcome.Broken is null ? $"seed {seed}: {outcome.End}" : $"seed {seed} is broken: {outcome.Broken}");
return outcome.Broken is null ? 0 : 1;
