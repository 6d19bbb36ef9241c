using System.CommandLine;
using Gpt2Cluster.Faults.Commands;

var command = new RootCommand("""
    Trains on clusters of real processes, lets faults happen to them, and compares the bits with an undisturbed run.

    Example: dotnet run -c Release --project tests/Gpt2Cluster.Faults -- matrix --fault kill-worker --store Redis
    """)
{
    MatrixCommand.Describe(),
    RandomCommand.Describe(),
    RecoveryCommand.Describe(),
    SoakCommand.Describe(),
};

// A cluster that is interrupted ends by itself; nobody is to end this process before it has.
return command.Parse(args).Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null });
