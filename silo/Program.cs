using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Hosting;
using Gpt2Cluster.Silo.Lifetime;
using Gpt2Cluster.Silo.Membership;
using Gpt2Cluster.Silo.Settings;

try
{
    if (new SiloCommandLine().Read(args, SiloCommandLine.DefaultConfiguration()) is not { } settings)
        return 0;
    if (settings.StopsWithParent)
        Native.LeaveProcessGroup();
    await using var silo = SiloHost.Build(settings);
    // When the start fails the services are gone.
    var (state, lifetime) = (silo.Services.GetRequiredService<SiloState>(), silo.Lifetime);
    try
    {
        await silo.RunAsync();
    }
    catch (Exception problem) when (StartupFailure.IsInterrupted(lifetime, problem))
    {
        Console.Error.WriteLine("The silo was stopped before it was in the cluster.");
        return 0;
    }
    catch (Exception problem) when (StartupFailure.SentenceOf(lifetime, problem, settings.Store) is { } sentence)
    {
        throw new UserErrorException(sentence, problem);
    }

    return state.Error is { } error ? throw error : 0;
}
catch (UserErrorException error)
{
    Console.Error.WriteLine(error.Message);
    Console.Error.WriteLine("Gpt2Cluster.Silo --help shows all options.");
    return 2;
}
